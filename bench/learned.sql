-- name: met
-- how many devices early warning has met
select count(*) from early_device

-- name: newest_hydrant
select distinct on (r.device_id) d.code, r.pressure_mpa, r.flow_lps, r.cap_open, r.water_present, r.water_temp_c,
    r.air_temp_c
from reading_hydrant r join device d on d.id = r.device_id
where r.ts > now() - interval '1 hour'
order by r.device_id, r.ts desc

-- name: newest_electrical
select distinct on (r.device_id) d.code, r.residual_current_ma, r.temp_a_c, r.temp_b_c, r.temp_c_c, r.current_a_a,
    r.current_b_a, r.current_c_a
from reading_electrical r join device d on d.id = r.device_id
where r.ts > now() - interval '1 hour'
order by r.device_id, r.ts desc

-- name: newest_water
select distinct on (r.device_id) d.code, r.water_temp_c, r.air_temp_c
from reading_water r join device d on d.id = r.device_id
where r.ts > now() - interval '1 hour'
order by r.device_id, r.ts desc

-- name: save_cell
insert into early_cell (name, devices, walked_until, told, memory, saved_at) values ($1, $2, $3, $4, $5, $3)
on conflict (name) do update set
    devices = excluded.devices, walked_until = excluded.walked_until, told = excluded.told, memory = excluded.memory,
    saved_at = excluded.saved_at
