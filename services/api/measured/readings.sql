-- name: fields_seen
select coalesce((select array_agg(key) from device_state, jsonb_object_keys(state) as key where device_id = :device), '{}') as fields
