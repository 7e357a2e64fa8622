-- name: members
select d.id, d.code, d.kind, d.area, d.expected_interval_s, d.sleepy, d.rated_current_a, d.limits, d.lon, d.lat, e.since,
    case when d.out_of_service_until is not null
        then least(greatest(d.out_of_service_until, '1970-01-01'), '9000-01-01') end as out_of_service_until
from device d join early_device e on e.device_id = d.id
where d.kind = any($1::text[])
order by d.code

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
limit $6

-- name: rows_electrical
select m.code, t.ts, t.received_at, t.residual_current_ma, t.temp_a_c, t.temp_b_c, t.temp_c_c, t.current_a_a,
    t.current_b_a, t.current_c_a
from unnest($1::integer[], $2::text[], $3::timestamptz[]) as m (id, code, since)
join reading_electrical t on t.device_id = m.id and t.ts >= m.since
where t.ts > $4 and t.ts <= $5
order by t.ts, m.code, t.seq
limit $6

-- name: rows_water
select m.code, t.ts, t.received_at, t.water_temp_c, t.air_temp_c
from unnest($1::integer[], $2::text[], $3::timestamptz[]) as m (id, code, since)
join reading_water t on t.device_id = m.id and t.ts >= m.since
where t.ts > $4 and t.ts <= $5
order by t.ts, m.code, t.seq
limit $6
