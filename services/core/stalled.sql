-- name: wait_shortly
set local lock_timeout = '500ms'

-- name: end_stalled
select pg_terminate_backend(a.pid) from pg_stat_activity a
    where a.state = 'active' and a.wait_event = 'ClientRead' and a.state_change < clock_timestamp() - interval '2 s'
        and a.pid in (
            select pid from pg_locks
            where relation = 'lease'::regclass and mode = 'RowExclusiveLock' and granted
                and database = (select oid from pg_database where datname = current_database()))
