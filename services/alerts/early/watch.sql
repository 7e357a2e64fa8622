-- name: note_places
-- A device that is of another kind now, or stands more than about a hundred metres away, is another one.
insert into early_device (device_id, kind, lon, lat, since)
select d.id, d.kind, d.lon, d.lat, '1970-01-01' from device d
left join early_device e on e.device_id = d.id
where d.kind = any($1::text[])
    and (e.device_id is null or e.kind <> d.kind or (e.lon, e.lat) is distinct from (d.lon, d.lat))
on conflict (device_id) do update set
    since = case
        when early_device.kind <> excluded.kind
            or abs(early_device.lon - excluded.lon) > 0.001 or abs(early_device.lat - excluded.lat) > 0.001
        then $2 else early_device.since end,
    kind = excluded.kind,
    lon = coalesce(excluded.lon, early_device.lon), lat = coalesce(excluded.lat, early_device.lat)

-- name: registry_mark
select count(*), max(updated_at) from device where kind = any($1::text[])

-- name: members
select d.id, d.code, d.kind, d.area, d.expected_interval_s, d.sleepy, d.rated_current_a, d.limits, d.lon, d.lat, e.since,
    case when d.out_of_service_until is not null
        then least(greatest(d.out_of_service_until, '1970-01-01'), '9000-01-01') end as out_of_service_until
from device d join early_device e on e.device_id = d.id
where d.kind = any($1::text[])
order by d.code

-- name: saved_cell
select devices, walked_until, told, memory from early_cell where name = $1

-- name: save_cell
insert into early_cell (name, devices, walked_until, told, memory, saved_at) values ($1, $2, $3, $4, $5, $6)
on conflict (name) do update set
    devices = excluded.devices, walked_until = excluded.walked_until, told = excluded.told, memory = excluded.memory,
    saved_at = excluded.saved_at

-- name: forget_cells
delete from early_cell where name <> all($1::text[])

-- name: standing_of
-- What was told of a cell and is not over.
select w.cell, w.device, d.id as device_id, w.area, w.code, w.component
from early_warning w left join device d on d.code = w.device
where w.ended_at is null and w.cell = $1

-- name: move
update early_warning set cell = $2 where id = $1

-- name: standing_elsewhere
select w.id, w.cell, w.device, d.id as device_id, w.area, w.code, w.component
from early_warning w left join device d on d.code = w.device
where w.ended_at is null and w.cell <> all($1::text[])

-- name: first_hydrant
select min(r.ts) from unnest($1::integer[]) as m (id)
cross join lateral (
    select ts from reading_hydrant t where t.device_id = m.id and t.ts > $2 order by t.ts limit 1) r

-- name: first_electrical
select min(r.ts) from unnest($1::integer[]) as m (id)
cross join lateral (
    select ts from reading_electrical t where t.device_id = m.id and t.ts > $2 order by t.ts limit 1) r

-- name: first_water
select min(r.ts) from unnest($1::integer[]) as m (id)
cross join lateral (
    select ts from reading_water t where t.device_id = m.id and t.ts > $2 order by t.ts limit 1) r

-- name: rows_hydrant
select m.code, t.ts, t.received_at, t.pressure_mpa, t.flow_lps, t.cap_open, t.water_present, t.water_temp_c,
    t.air_temp_c
from unnest($1::integer[], $2::text[], $3::timestamptz[]) as m (id, code, since)
join reading_hydrant t on t.device_id = m.id and t.ts >= m.since
where t.ts > $4 and t.ts <= $5
order by t.ts, m.code, t.seq

-- name: rows_electrical
select m.code, t.ts, t.received_at, t.residual_current_ma, t.temp_a_c, t.temp_b_c, t.temp_c_c, t.current_a_a,
    t.current_b_a, t.current_c_a
from unnest($1::integer[], $2::text[], $3::timestamptz[]) as m (id, code, since)
join reading_electrical t on t.device_id = m.id and t.ts >= m.since
where t.ts > $4 and t.ts <= $5
order by t.ts, m.code, t.seq

-- name: rows_water
select m.code, t.ts, t.received_at, t.water_temp_c, t.air_temp_c
from unnest($1::integer[], $2::text[], $3::timestamptz[]) as m (id, code, since)
join reading_water t on t.device_id = m.id and t.ts >= m.since
where t.ts > $4 and t.ts <= $5
order by t.ts, m.code, t.seq

-- name: forget_cell
delete from early_cell where name = $1
