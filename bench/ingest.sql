-- name: batches
-- Readings committed by all telemetry writers; probes alone make batches without readings.
select coalesce(sum(hydrant + electrical + water + panel), 0)::bigint
from ingest_batch where lane = 'telemetry' and committed_at > now() - interval '1 hour'

-- name: stored
with run as (select id from device where code like $1 || '%')
select (select count(*) from reading_hydrant where device_id in (select id from run))
     + (select count(*) from reading_electrical where device_id in (select id from run))
     + (select count(*) from reading_water where device_id in (select id from run))

-- name: judge
-- of the slowest hundredth: the way to ingest, the time in it, and the batches that held it beside all others
with run as (select id from device where code like $1 || '%'),
reading as (
    select device_id, ts, seq, batch_id, received_at from reading_hydrant
    where device_id in (select id from run) and ts >= to_timestamp($2::float8)
    union all
    select device_id, ts, seq, batch_id, received_at from reading_electrical
    where device_id in (select id from run) and ts >= to_timestamp($2::float8)
    union all
    select device_id, ts, seq, batch_id, received_at from reading_water
    where device_id in (select id from run) and ts >= to_timestamp($2::float8)
), timed as (
    select extract(epoch from b.committed_at - r.ts)::float8 * 1000 as late_ms, b.committed_at, r.device_id, r.seq,
           extract(epoch from r.received_at - r.ts)::float8 * 1000 as way_ms,
           extract(epoch from b.committed_at - r.received_at)::float8 * 1000 as held_ms,
           (b.hydrant + b.electrical + b.water + b.panel)::float8 as batch_rows
    from reading r join ingest_batch b on b.id = r.batch_id
), slow as (
    select percentile_cont(0.99) within group (order by late_ms) as from_ms from timed
)
select count(*) as rows,
       count(distinct (device_id, seq)) as distinct_rows,
       extract(epoch from max(committed_at))::float8 as last_commit_s,
       percentile_cont(0.50) within group (order by late_ms) as p50,
       percentile_cont(0.95) within group (order by late_ms) as p95,
       max(from_ms) as p99,
       max(late_ms) as worst,
       avg(way_ms) as way_ms,
       avg(held_ms) as held_ms,
       avg(batch_rows) as batch_rows,
       avg(way_ms) filter (where late_ms >= from_ms) as slow_way_ms,
       avg(held_ms) filter (where late_ms >= from_ms) as slow_held_ms,
       avg(batch_rows) filter (where late_ms >= from_ms) as slow_batch_rows,
       count(distinct date_trunc('second', committed_at)) filter (where late_ms >= from_ms) as slow_seconds
from timed, slow
