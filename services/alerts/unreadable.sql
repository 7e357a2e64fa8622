-- name: refused_devices
-- Devices without an alarm whose last messages were refused; a single one may be an accident. Where thousands wait, or
-- their rule is off, every other look goes on behind those of the look before it.
select s.device_id, s.refused, s.refused_since, s.refused_reason
from device_state s join device d on d.id = s.device_id
where s.refused > 1 and s.unreadable_since is null and d.code <> all($1::text[])
order by s.refused desc, s.device_id
limit $2 offset $3

-- name: mark_unreadable
-- A message that was accepted in the meantime wins: a row that ingest has locked or changed is left alone.
with free as materialized (
    select device_id from device_state
    where device_id = any($1::integer[]) and refused > 1 and unreadable_since is null
    order by device_id for update skip locked
)
update device_state s set unreadable_since = $2, marked_in = pg_current_xact_id()
from free
where s.device_id = free.device_id
returning s.device_id

-- name: readable_again
select a.device_id
from alarm a join device_state s on s.device_id = a.device_id join device d on d.id = a.device_id
where a.code = 'device_unreadable' and a.state <> 'closed' and a.cleared_at is null and s.unreadable_since is null
    and d.code <> all($1::text[])
limit 500
