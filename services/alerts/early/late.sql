-- name: late_rows
-- How many readings of each device came too late to be walked, since the last look.
select r.device_id, count(*) as rows
from (
    select device_id, ts from reading_hydrant where batch_id = any($1::bigint[]) and ts between $2 and $3 and late
    union all
    select device_id, ts from reading_electrical where batch_id = any($1::bigint[]) and ts between $2 and $3 and late
    union all
    select device_id, ts from reading_water where batch_id = any($1::bigint[]) and ts between $2 and $3 and late
) r
group by r.device_id

-- name: behind_batches
-- Batches with readings of a time that may have been walked when they were committed.
select id, min_ts, hydrant + electrical + water as rows, min_ts <= committed_at - interval '10 min' as may_be_late
from ingest_batch
where id > $1 and id <= $2 and lane = 'telemetry' and min_ts < committed_at - interval '50 s'
order by id limit $3

-- name: newest_batch
-- A number is taken as a transaction begins, so that a lower one may be committed after a higher one: no nearer than a
-- transaction may last.
select coalesce(max(id), 0) from ingest_batch where committed_at < clock_timestamp() - interval '15 s'
