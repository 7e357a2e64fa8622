-- name: versions
select e.extversion as installed, a.default_version as brought
from pg_extension e join pg_available_extensions a on a.name = e.extname
where e.extname = 'timescaledb'

-- name: edition
select coalesce(current_setting('timescaledb.license', true), 'apache') = 'timescale' as community,
       current_setting('server_version_num')::integer as version, current_setting('server_version') as postgresql,
       current_database() as name, (select datcollversion is distinct from pg_database_collation_actual_version(oid)
           from pg_database where datname = current_database()) as sorted_otherwise
from pg_extension where extname = 'timescaledb'

-- name: has_columnstore
select exists (
    select from timescaledb_information.chunks where hypertable_schema = current_schema() and is_compressed)

-- name: without_columnstore
-- what an operator has set otherwise stays
select hypertable_name as name from timescaledb_information.hypertables
where hypertable_schema = current_schema() and not compression_enabled and hypertable_name = any($1::text[])
order by 1

-- name: use_columnstore
alter table {table} set (
    timescaledb.compress, timescaledb.compress_segmentby = 'device_id', timescaledb.compress_orderby = 'ts, seq')

-- name: compress_later
-- behind the 30 days that late data may reach back
select add_compression_policy('{table}'::regclass, interval '35 days', if_not_exists => true)
