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

-- name: late_batches
select id, min_ts from ingest_batch
where id > $1 and lane = 'telemetry' and min_ts < committed_at - interval '10 min'
order by id limit 500

-- name: newest_batch
select coalesce(max(id), 0) from ingest_batch
