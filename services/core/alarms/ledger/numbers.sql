-- name: reserve_alarms
select nextval(pg_get_serial_sequence('alarm', 'id')) from generate_series(1, $1)

-- name: reserve_incidents
select nextval(pg_get_serial_sequence('incident', 'id')) from generate_series(1, $1)
