-- name: subscriptions
select s.id, s.name, s.url, s.types, s.areas, s.format, s.state, s.failures, s.last_at, s.last_status, s.last_error,
    s.delivered_at, case when s.previous_secret_until > :now then s.previous_secret_until end as previous_secret_until,
    s.created_by, s.created_at, s.version, w.waiting as backlog, w.oldest as oldest_waiting_at, w.dead
from subscription s
cross join lateral (
    select count(*) filter (where d.state = 'waiting') as waiting, count(*) filter (where d.state = 'dead') as dead,
        min(e.at) filter (where d.state = 'waiting') as oldest
    from subscription_delivery d join subscription_event e using (number)
    where d.subscription_id = s.id and d.state <> 'delivered'
) w
where (cast(:id as bigint) is null or s.id = :id) and s.id > :after
order by s.id

-- name: how_many
select count(*) from subscription

-- name: create
insert into subscription (name, url, types, areas, format, secret, created_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
returning id

-- name: update
update subscription
set name = $2, url = $3, types = $4, areas = $5, format = $6, state = $7, version = version + 1, updated_at = $8
where id = $1

-- name: answer_for
-- who resumes it, or says where and of what it tells, stands behind it from now on: what becomes of who made it is
-- nothing to it any more
update subscription set created_by = $2 where id = $1

-- name: forget_unwanted
-- events it no longer covers are neither sent nor shown: its administrator may not be allowed to see them
delete from subscription_delivery d using subscription s, subscription_event e
where d.subscription_id = $1 and s.id = $1 and e.number = d.number and not subscription_wants(s, e)

-- name: rotate
-- those that still sign go on beside the one that is replaced now, three at most: a second press of the button must not
-- cut off a receiver that knows the first secret alone
update subscription
set previous_secret = concat_ws(' ', secret, case when previous_secret_until > $4
        then nullif(array_to_string((string_to_array(previous_secret, ' '))[1:2], ' '), '') end),
    previous_secret_until = $3, secret = $2, version = version + 1, updated_at = $4
where id = $1

-- name: delete
delete from subscription where id = $1

-- name: deliveries
select d.number, e.uid as event_id, e.type, e.subject, e.at as time, d.state, d.attempts, d.due_at, d.expires_at,
    d.last_at, d.last_status, d.last_error, d.took_ms, d.delivered_at
from subscription_delivery d join subscription_event e using (number)
where d.subscription_id = :id and (cast(:state as text) is null or d.state = :state) and d.number < :before
order by d.number desc
limit :most

-- name: test
insert into subscription_event (type, subject, area, at, data, only_for)
values ($2, 'subscription:' || $1::bigint, null, $3, $4, $1)
returning uid

-- name: replay
with wanted as (
    select distinct on (message) e.number, e.subject
    from subscription_event e join subscription s on s.id = $1 and subscription_wants(s, e)
    cross join lateral (  -- as in push: in CAP the events of one step are one message
        select case when s.format = 'cap' and e.alarm_id is not null
                    then concat(e.alarm_id, '.', e.data #>> '{alarm,version}', '.', e.data #>> '{alarm,test_window}')
                    else e.number::text end as message) m
    where e.number is not null and e.only_for is null and e.at >= $2 and e.at < $3
    order by message, e.number
    limit $6
), again as (
    insert into subscription_delivery as d (subscription_id, number, subject, due_at, expires_at)
    select $1, number, subject, $4::timestamptz, $5::timestamptz from wanted
    on conflict (subscription_id, number) do update set
        state = 'waiting', attempts = 0, due_at = excluded.due_at, expires_at = excluded.expires_at,
        last_error = null, delivered_at = null
    where d.state <> 'waiting'
    returning 1
)
select (select count(*) from wanted) as wanted, (select count(*) from again) as replayed

-- name: resume
-- deliveries that waited during a pause, or for another address, have their 72 hours from now
update subscription_delivery set due_at = $2, expires_at = greatest(expires_at, $3)
where subscription_id = $1 and state = 'waiting'
