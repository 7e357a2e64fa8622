-- name: late
-- from the devices' times to the commit, over readings of the last minute (hydrants: six of ten devices)
select percentile_cont(0.5) within group (order by late_ms) as p50, percentile_cont(0.99) within group (order by late_ms) as p99
from (
    select extract(epoch from b.committed_at - r.ts)::float8 * 1000 as late_ms
    from ingest_batch b join reading_hydrant r on r.batch_id = b.id
    where b.lane = 'telemetry' and b.committed_at > now() - interval '1 minute' and b.hydrant > 0
      and r.ts > now() - interval '1 day' and r.ts <= now() + interval '5 minutes'
) timed

-- name: connections
select count(*) from pg_stat_activity where datname = current_database()

-- name: stored
select coalesce(sum(hydrant + electrical + water + panel), 0)::bigint
from ingest_batch where lane = 'telemetry' and committed_at > now() - interval '1 minute'

-- name: waiting
select count(*) from notice where channel = 'desk' and state = 'waiting'
