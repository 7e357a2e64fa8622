-- name: last_number
select coalesce(max(number), 0) from subscription_event

-- name: unnumbered
-- what was committed and not numbered, in the order in which it happened to each subject; with where it happened: of a
-- device that was moved away since, its code and kind are told and nothing else.
-- The events of one step stay together, a little beyond $1, because in CAP they are one message.
with first as (
    select id, alarm_id, data #>> '{alarm,version}' as version
    from subscription_event where number is null order by id limit $1
), last as (
    select max(id) as id from first
)
select e.id, e.uid, e.type, e.subject, e.at, e.made_at, e.data, e.device_id, case when e.cap then e.alarm_id end as alarm_id,
    w.code, w.kind, d.name, d.area, coalesce(d.lon, s.lon) as lon, coalesce(d.lat, s.lat) as lat,
    s.id as site_id, s.name as site_name, s.address as site_address
from subscription_event e
left join device w on w.id = e.device_id
left join device d on d.id = e.device_id and (e.area is null or starts_with(d.area, e.area))
left join site s on s.id = d.site_id and starts_with(s.area, d.area)
where e.id in (
    select id from first
    union
    select x.id from last, subscription_event x
    where x.number is null and x.id > last.id and x.id <= last.id + $1
        and (x.alarm_id, x.data #>> '{alarm,version}') in (select alarm_id, version from first))
order by e.id

-- name: county
-- the area that contains most others
select coalesce((
    select a.code from area a where a.parent is null
    order by (select count(*) from area b where starts_with(b.code, a.code)) desc, a.code limit 1), '')

-- name: give_numbers
update subscription_event e set number = n.number, body = n.body
from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as n (id, number, body)
where e.id = n.id

-- name: fan_out
-- in CAP the events of one step are one message: the first of those that are wanted brings it. That a test window ended
-- is another, though the version is the same.
insert into subscription_delivery (subscription_id, number, subject, due_at, expires_at)
select distinct on (s.id, message) s.id, e.number, e.subject, $2::timestamptz,
    $2::timestamptz + make_interval(hours => $3)
from subscription_event e join subscription s on s.state <> 'disabled' and subscription_wants(s, e)
cross join lateral (
    select case when s.format = 'cap' and e.alarm_id is not null
                then concat(e.alarm_id, '.', e.data #>> '{alarm,version}', '.', e.data #>> '{alarm,test_window}')
                else e.number::text end as message) m
where e.number = any($1::bigint[])
order by s.id, message, e.number
on conflict do nothing
returning subscription_id, number, subject, expires_at

-- name: set_right
-- Two transactions that changed a device's status at once did not see each other: the last event may show neither.
with last as (
    select distinct on (device_id) device_id, data ->> 'status' as told
    from subscription_event where id = any($1::bigint[]) and type = 'device.status' order by device_id, id desc
)
select tell_device_status(d, device_status(d, coalesce(s.is_online, false)))
from last l join device d on d.id = l.device_id left join device_state s on s.device_id = d.id
where l.told <> device_status(d, coalesce(s.is_online, false))

-- name: tell_ended
-- out of service until a time that has come
with c as (update subscription_clock set looked_until = now() returning looked_until),
before as (select looked_until from subscription_clock)
select tell_device_status(d, device_status(d, coalesce(s.is_online, false)))
from before, c, device d
    -- with a limit: no statistics say how few these are, and a join would read the state of every device
    left join lateral (select s.is_online from device_state s where s.device_id = d.id limit 1) s on true
where d.out_of_service_until > before.looked_until and d.out_of_service_until <= c.looked_until

-- name: subscriptions
select * from subscription

-- name: trouble_over
-- of subscriptions that are gone, whose receiver takes events again, or that somebody answers for again
update set_aside a set done_at = $1, result = 'done'
where a.program = 'push' and a.kind = 'subscription' and a.done_at is null
  and not exists (select from subscription s
                  where a.name = 'subscription:' || s.id and (s.state = 'disabled' or s.failures > 0)
                     or a.name = 'subscription:' || s.id || ':maker' and s.state = 'paused')

-- name: asked_again
-- a person wants them tried now; what is asked of one that was disabled is forgotten, it has to be made active
update set_aside set retry_requested_at = null, retry_requested_by = null
where program = 'push' and kind = 'subscription' and done_at is null and retry_requested_at is not null
returning name

-- name: waiting
-- the oldest of each subject first, so that a subject with thousands keeps no other out of memory;
-- among the $4 oldest of all (null: among all): the backlog of an hour is not sorted anew for every thousand
select number, subject, attempts, due_at, expires_at, total from (
    select d.*, row_number() over (partition by subject order by number) as place, count(*) over () as total
    from (select * from subscription_delivery where subscription_id = $1 and state = 'waiting'
          order by number limit $4::bigint) d
) w
where place <= $2
order by place, due_at, number
limit $3

-- name: events
select number, uid, made_at, body, case when cap then alarm_id end as alarm_id
from subscription_event where number = any($1::bigint[])

-- name: record
update subscription_delivery d set
    state = r.state, attempts = r.attempts, due_at = r.due_at, last_at = r.at, last_status = r.status,
    last_error = r.error, took_ms = r.took_ms, delivered_at = case when r.state = 'delivered' then r.at end
from unnest($1::bigint[], $2::bigint[], $3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::integer[],
            $8::text[], $9::float8[])
     as r (subscription_id, number, state, attempts, due_at, at, status, error, took_ms)
where d.subscription_id = r.subscription_id and d.number = r.number

-- name: record_health
update subscription s set failures = r.failures, last_at = r.at, last_status = r.status, last_error = r.error,
    delivered_at = coalesce(r.delivered_at, s.delivered_at)
from unnest($1::bigint[], $2::integer[], $3::timestamptz[], $4::integer[], $5::text[], $6::timestamptz[])
     as r (id, failures, at, status, error, delivered_at)
where s.id = r.id

-- name: release
update subscription_delivery set due_at = $2 where subscription_id = $1 and state = 'waiting' and due_at > $2

-- name: disable
update subscription set state = 'disabled', version = version + 1, updated_at = $3
where id = $1 and version = $2 and state = 'active'

-- name: versions
-- the CAP messages of these alarms so far: the first line of each version in their chains, and that by which a fire of it
-- is no test any more
select distinct on (alarm_id, version, in_earnest) alarm_id, version, in_earnest, at, to_state,
    detail ->> 'verification' as verification, detail ->> 'incident_id' as incident_id
from (select alarm_id, at, number, to_state, detail, (detail ->> 'version')::integer as version,
          detail ? 'in_earnest' as in_earnest
      from alarm_transition where alarm_id = any($1::bigint[])) t
order by alarm_id, version, in_earnest, number

-- name: forget
delete from subscription_event where id in (
    select id from subscription_event where made_at < $1 order by made_at limit $2)

-- name: area_name
select name from area where code = $1
