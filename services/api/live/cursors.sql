-- A look at what changed between two snapshots: whatever a transaction committed after the earlier one and before this
-- statement, and nothing else. Complete and without repeats, because commits are compared, not times: a transaction
-- that took long is in the first look after its commit. What a restored dump says of another server's transactions
-- lies ahead of this one's and is left out.

-- name: now
select cast(pg_current_snapshot() as text) as upto

-- name: changed_alarms
with look as materialized (
    select pg_current_snapshot() as upto, cast(cast(:since as text) as pg_snapshot) as since
), changed as materialized (
    select a.id, a.category = 'fire' as fire, a.changed
    from look, alarm a
    where a.changed >= pg_snapshot_xmin(look.since) and a.changed < pg_snapshot_xmax(look.upto)
      and not pg_visible_in_snapshot(a.changed, look.since)
    order by a.category <> 'fire', a.changed, a.id
    limit :most
)
select cast(upto as text) as upto, pg_snapshot_xmax(upto) < pg_snapshot_xmax(since) as backwards,
       array(select id from changed where fire order by changed, id) as first,
       array(select id from changed where not fire order by changed, id) as rest
from look

-- name: changed_notices
with look as materialized (
    select pg_current_snapshot() as upto, cast(cast(:since as text) as pg_snapshot) as since
), changed as materialized (
    select n.id, n.fire, n.created_at
    from look, notice n
    where n.changed >= pg_snapshot_xmin(look.since) and n.changed < pg_snapshot_xmax(look.upto)
      and not pg_visible_in_snapshot(n.changed, look.since)
    order by not n.fire, n.created_at, n.id
    limit :most
)
select cast(upto as text) as upto, pg_snapshot_xmax(upto) < pg_snapshot_xmax(since) as backwards,
       array(select id from changed where fire order by created_at, id) as first,
       array(select id from changed where not fire order by created_at, id) as rest
from look

-- name: changed_devices
-- changed by a person or by what they are heard to be, marked silent or unreadable by alerts, or back in service because the time ran out
with look as materialized (
    select pg_current_snapshot() as upto, cast(cast(:since as text) as pg_snapshot) as since
), changed as materialized (
    (select d.id from look, device d
     where d.changed >= pg_snapshot_xmin(look.since) and d.changed < pg_snapshot_xmax(look.upto)
       and not pg_visible_in_snapshot(d.changed, look.since)
     union
     select s.device_id from look, device_state s
     where s.marked_in >= pg_snapshot_xmin(look.since) and s.marked_in < pg_snapshot_xmax(look.upto)
       and not pg_visible_in_snapshot(s.marked_in, look.since)
     union
     select id from device where out_of_service_until > :after and out_of_service_until <= :until)
    limit :most
)
select cast(upto as text) as upto, pg_snapshot_xmax(upto) < pg_snapshot_xmax(since) as backwards,
       array(select id from changed) as rest
from look

-- name: newest_batches
select l.writer, coalesce((select max(b.number) from ingest_batch b where b.writer = l.writer), 0) as number
from ingest_lane l

-- name: new_batches
-- every writer's own numbers are consecutive and committed in order: nothing is skipped
select b.id, b.writer, b.number, b.committed_at, b.min_ts, b.max_ts, b.hydrant, b.electrical, b.water, b.panel, b.events,
       b.seen
from ingest_lane l
left join unnest(cast(:writers as text[]), cast(:numbers as bigint[])) as c (writer, number) on c.writer = l.writer
cross join lateral (
    select * from ingest_batch b
    where b.writer = l.writer and b.number > coalesce(c.number, 0)
    order by b.number
    limit :most
) b

-- name: open_alarms
select id as name, area from alarm where state <> 'closed' limit :most

-- name: devices
select id as name, area from device limit :most
