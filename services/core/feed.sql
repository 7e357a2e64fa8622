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

-- name: newest_batches
select b.id, b.writer, b.number, b.committed_at, b.min_ts, b.max_ts, b.events, b.hydrant, b.electrical, b.water, b.panel,
    b.rejects
from unnest($1::text[], $2::bigint[]) as c (writer, number)
cross join lateral (
    select * from ingest_batch i where i.writer = c.writer and i.number > c.number order by i.number desc limit $3) b
where b.committed_at > $4
order by b.writer, b.number

-- name: save_cursor
insert into feed_cursor (writer, number, updated_at) values ($1, $2, clock_timestamp())
on conflict (writer) do update set number = excluded.number, updated_at = excluded.updated_at

-- name: oldest_waiting
select b.committed_at
from unnest($1::text[], $2::bigint[]) as c (writer, number)
join ingest_batch b on b.writer = c.writer and b.number = c.number + 1
order by 1 limit 1

-- name: begin
-- a cursor that stands at the beginning keeps the log from being forgotten before it was read
insert into feed_cursor (writer, number) select w || $2, 0 from unnest($1::text[]) w on conflict do nothing
