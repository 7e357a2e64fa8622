-- name: seen
-- the fields that the device ever sent, and the time of its newest reading
select ts, array(select jsonb_object_keys(state)) as fields from device_state where device_id = :device
