-- name: jobs
-- Jobs of our tables that have not succeeded since $1, in several runs. A run that crashed or hangs has no status, and a
-- fatal error leaves no words. The extension's own jobs are not ours: one of them always fails under the Apache edition.
select j.hypertable_name as table, j.proc_name as job, s.total_runs - s.total_successes as failures,
       nullif(s.last_successful_finish, '-infinity') as succeeded_at, e.err_message as error,
       current_setting('server_version_num')::integer as version
from timescaledb_information.jobs j
join timescaledb_information.job_stats s using (job_id)
left join lateral (
    select err_message from timescaledb_information.job_errors e
    where e.job_id = j.job_id order by e.start_time desc limit 1) e on true
where j.hypertable_schema = current_schema() and j.scheduled
  and s.last_run_status is distinct from 'Success' and s.last_successful_finish < $1
  and s.total_runs - s.total_successes >= $2
order by 1, 2

-- name: uncompressed
-- the oldest chunk that its table's policy should have compressed by $1, whatever the job reports
select c.hypertable_name as table, min(c.range_end) as until
from timescaledb_information.jobs j
join timescaledb_information.chunks c using (hypertable_schema, hypertable_name)
where c.hypertable_schema = current_schema() and not c.is_compressed and j.config ? 'compress_after'
  and c.range_end < $1::timestamptz - (j.config ->> 'compress_after')::interval
group by 1 order by 1

-- name: kept_too_long
-- what ingest should have dropped
select hypertable_name as table, min(range_end) as until
from timescaledb_information.chunks
where hypertable_schema = current_schema() and range_end < $1
group by 1 order by 1
