-- name: note_places
-- A device that is of another kind now, or stands more than about a hundred metres away, is another one. What became another
-- one by a clock that was ahead has done so by now.
insert into early_device (device_id, kind, lon, lat, since)
select d.id, d.kind, d.lon, d.lat, '1970-01-01' from device d
left join early_device e on e.device_id = d.id
where d.kind = any($1::text[])
    and (e.device_id is null or e.kind <> d.kind or (e.lon, e.lat) is distinct from (d.lon, d.lat)
        or e.since > $2::timestamptz + interval '1 min')
on conflict (device_id) do update set
    since = case
        when early_device.kind <> excluded.kind
            or abs(early_device.lon - excluded.lon) > 0.001 or abs(early_device.lat - excluded.lat) > 0.001
        then $2 else least(early_device.since, $2) end,
    kind = excluded.kind,
    lon = coalesce(excluded.lon, early_device.lon), lat = coalesce(excluded.lat, early_device.lat)

-- name: registry_mark
select count(*), max(updated_at) from device where kind = any($1::text[])

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
select w.id, w.cell, w.device, d.id as device_id, w.area, w.code, w.component, w.severity
from early_warning w left join device d on d.code = w.device
where w.ended_at is null and w.cell = $1

-- name: move
update early_warning set cell = $2 where id = $1

-- name: standing_elsewhere
select w.id, w.cell, w.device, d.id as device_id, w.area, w.code, w.component
from early_warning w left join device d on d.code = w.device
where w.ended_at is null and w.cell <> all($1::text[])

-- name: forget_cell
delete from early_cell where name = $1
