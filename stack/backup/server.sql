-- name: about
select current_setting('server_version') as postgres,
    (select extversion from pg_extension where extname = 'timescaledb') as timescaledb,
    to_regclass('alembic_version') is not null as migrated,
    (select setting::bigint * case unit when '8kB' then 8192 when 'MB' then 1048576 else 1 end
        from pg_settings where name = 'wal_segment_size') as segment_bytes

-- name: revision
select version_num from alembic_version

-- name: writers
-- The newest batch of each writer, asked before the end of the log: what is named here lies before that end.
select lane.writer, coalesce((select max(number) from ingest_batch b where b.writer = lane.writer), 0) as number
from ingest_lane lane

-- name: written
select clock_timestamp() as at, pg_current_wal_flush_lsn()::text as lsn

-- name: place_in_log
select timeline_id as timeline, pg_current_wal_insert_lsn()::text as lsn from pg_control_checkpoint()

-- name: received
select r.write_lsn::text from pg_replication_slots s join pg_stat_replication r on r.pid = s.active_pid
where s.slot_name = $1

-- name: slot
select wal_status, active from pg_replication_slots where slot_name = $1

-- name: drop_slot
select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1 and not active

-- name: note
insert into backup_status (id, folder, since, copies, copied_at, logged_at, updated_at, error)
values (1, $1, clock_timestamp(), $2, $3, $4, clock_timestamp(), $5)
on conflict (id) do update set
    since = case when backup_status.folder = excluded.folder then backup_status.since else excluded.since end,
    folder = excluded.folder, copies = excluded.copies, copied_at = excluded.copied_at,
    logged_at = excluded.logged_at, updated_at = excluded.updated_at, error = excluded.error

-- name: hindrance
insert into backup_status (id, folder, since, updated_at, error)
values (1, $1, clock_timestamp(), clock_timestamp(), $2)
on conflict (id) do update set
    since = case when backup_status.folder = excluded.folder then backup_status.since else excluded.since end,
    copied_at = case when backup_status.folder = excluded.folder then backup_status.copied_at end,
    logged_at = case when backup_status.folder = excluded.folder then backup_status.logged_at end,
    folder = excluded.folder, updated_at = excluded.updated_at, error = excluded.error

-- name: forget
delete from backup_status
