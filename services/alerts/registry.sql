-- name: devices
select d.id, d.code, d.kind, d.area, d.name, d.site_id, d.expected_interval_s, d.sleepy, d.rated_current_a, d.limits,
    d.gateway, d.updated_at,
    -- a year that the driver cannot hold would fail the row's whole group
    case when d.out_of_service_until is not null
        then least(greatest(d.out_of_service_until, '1970-01-01'), '9000-01-01') end as out_of_service_until
from device d
where d.id = any($1::integer[])

-- name: devices_changed
select d.id, d.updated_at from device d where d.updated_at > $1 and d.updated_at < '9000-01-01' order by d.updated_at, d.id
