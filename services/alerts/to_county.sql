-- name: carried
-- a fire's once all events and acts of before are carried; any other at once, because it raises its alarm there too
with open_events as (
    select min(b.committed_at) as since
    from ingest_lane i
    cross join lateral (
        select coalesce(min(c.number), 0) as number from feed_cursor c
        where c.writer in (i.writer || ' relay fires', i.writer || ' relay events')) r
    cross join lateral (
        select * from ingest_batch b
        where b.writer = i.writer and b.number > r.number and b.events > 0 order by b.number limit 1) b
    where i.lane = 'event'
), open_acts as (
    select min(at) as since from carried_act where origin is null and result is null
), ended as (
    update notice n set state = 'withdrawn', last_error = 'the county tells 119'
    from open_events e, open_acts a
    where n.channel = 'desk' and n.state in ('waiting', 'held')
        and (not n.fire or n.created_at < least(coalesce(e.since, 'infinity'), coalesce(a.since, 'infinity')))
    returning n.id, n.alarm_id, n.type
)
select e.*, pg_notify('firetower_notice', '') from ended e
