-- name: moving
-- Rows of one lane in the last minutes.
select coalesce(sum(hydrant + electrical + water + panel + events), 0)::bigint
from ingest_batch where lane = $1 and committed_at > now() - interval '10 minutes'

-- name: stored
with run as (select id from device where code like $1 || '%')
select (select count(*) from reading_hydrant where device_id in (select id from run))
     + (select count(*) from reading_electrical where device_id in (select id from run))
     + (select count(*) from reading_water where device_id in (select id from run))
     + (select count(*) from event where device_id in (select id from run))

-- name: last_commit
select extract(epoch from max(committed_at))::float8 from ingest_batch where lane = $1 and hydrant + events > 0

-- name: fires
with timed as (
    select extract(epoch from b.committed_at - e.ts)::float8 * 1000 as ms
    from event e join ingest_batch b on b.id = e.batch_id
    where e.type = 'fire' and e.device_id in (select id from device where code like $1 || '%')
)
select count(*) as stored, percentile_cont(0.5) within group (order by ms) as p50,
       percentile_cont(0.95) within group (order by ms) as p95, max(ms) as worst
from timed
