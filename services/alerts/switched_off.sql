-- name: standing
select device_id, code from alarm
where code = any($1::text[]) and device_id is not null and state <> 'closed' and cleared_at is null
order by id

-- name: forget_device_offline
-- It stays offline for people. Without `offline_since` it is looked at again; a row that ingest has locked is being heard.
with free as materialized (
    select device_id from device_state
    where device_id = any($1::integer[]) and not online order by device_id for update skip locked
)
update device_state s set offline_since = null, marked_in = pg_current_xact_id()
from free where s.device_id = free.device_id

-- name: forget_device_unreadable
with free as materialized (
    select device_id from device_state
    where device_id = any($1::integer[]) and unreadable_since is not null order by device_id for update skip locked
)
update device_state s set unreadable_since = null, marked_in = pg_current_xact_id()
from free where s.device_id = free.device_id
