-- name: writers
-- The writers of the log, by a loose scan of its primary key.
with recursive walk as (
    (select writer, lane from ingest_batch order by writer limit 1)
    union all
    select n.writer, n.lane
    from walk w cross join lateral (
        select b.writer, b.lane from ingest_batch b where b.writer > w.writer order by b.writer limit 1) n
)
select writer, lane from walk

-- name: cursors
select writer, number from feed_cursor

-- name: batches
select b.id, b.writer, b.number, b.committed_at, b.min_ts, b.max_ts, b.events, b.hydrant, b.electrical, b.water, b.panel,
    b.rejects
from unnest($1::text[], $2::bigint[]) as c (writer, number)
cross join lateral (
    select * from ingest_batch i where i.writer = c.writer and i.number > c.number order by i.number limit $3) b
order by b.writer, b.number

-- name: save_cursor
insert into feed_cursor (writer, number, updated_at) values ($1, $2, clock_timestamp())
on conflict (writer) do update set number = excluded.number, updated_at = excluded.updated_at

-- name: events
select e.device_id, e.batch_id, e.ts, e.received_at, e.type, e.active, e.component, e.zone, e.system_type,
    e.component_type, e.description, e.event_id, e.seq, e.device_ts, e.digest
from event e
where e.batch_id = any($1::bigint[]) and e.ts between $2 and $3 and (e.type = any($4::text[])) = $5
order by e.batch_id, e.ts, e.seq

-- name: event_again
select e.device_id, e.batch_id, e.ts, e.received_at, e.type, e.active, e.component, e.zone, e.system_type,
    e.component_type, e.description, e.event_id, e.seq, e.device_ts, e.digest
from event e
where e.batch_id = $1 and e.ts = $2 and e.digest = decode($3, 'hex')

-- name: oldest_waiting
select b.committed_at
from unnest($1::text[], $2::bigint[]) as c (writer, number)
join ingest_batch b on b.writer = c.writer and b.number = c.number + 1
order by 1 limit 1

-- name: open_fire_scopes
select distinct scope from alarm where scope = any($1::text[]) and state <> 'closed'
