-- name: take
-- answer_by: when the county's time for it is over; null from a county that did not say. The county's id: a command that comes again is the same one, and the reply that names it counts on both sides
with taken as (
    insert into command (id, device_id, command, arguments, created_by, created_at, answer_by)
    select $1, d.id, $3, $4, 'county', clock_timestamp(), $5 from device d where d.code = $2
    on conflict (id) do nothing
    returning id
)
select exists (select from device where code = $2) as known,
    (select pg_notify('firetower_command', '') from taken) is not null as is_new

-- name: answered
-- of the county's, of the last day: a panel of the gateway answers without an event, and a command may fail here
select id, state, replied_at, reply, error from command
where created_by = 'county' and state in ('replied', 'late', 'failed') and created_at > now() - interval '1 day'
    and id <> all($1::uuid[])
order by created_at
limit 100
