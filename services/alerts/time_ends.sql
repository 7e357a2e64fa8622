-- name: standing
-- Devices of which something stands that rules of readings raise ($1: their codes).
select distinct device_id from alarm
where code = any($1::text[]) and device_id is not null and state <> 'closed' and cleared_at is null
order by device_id
