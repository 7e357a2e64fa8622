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

-- name: behind
-- Whose clock is behind, and by how much.
select device_id, make_interval(secs => clock_behind_s) as by
from device_state where device_id = any($1::integer[]) and clock_behind_s is not null

-- name: rows_hydrant
select m.code, t.ts, t.seq, t.received_at, t.batch_id, t.pressure_mpa, t.flow_lps, t.cap_open, t.water_present, t.water_temp_c,
    t.air_temp_c
from unnest($1::integer[], $2::text[], $3::timestamptz[]) as m (id, code, since)
join reading_hydrant t on t.device_id = m.id and t.ts >= m.since
where t.ts > $4 and t.ts <= $5 and not t.clock_behind
order by t.ts, m.code, t.seq
limit $6

-- name: behind_hydrant
-- Of clocks that are behind, where these readings were written down: they count by their receive time.
select m.code, t.received_at as ts, t.seq, t.received_at, t.batch_id, t.pressure_mpa, t.flow_lps, t.cap_open, t.water_present, t.water_temp_c,
    t.air_temp_c
from unnest($1::integer[], $2::text[], $3::timestamptz[], $7::interval[]) as m (id, code, since, by)
join reading_hydrant t on t.device_id = m.id
    and t.ts > $4::timestamptz - m.by - interval '10 min' and t.ts <= $5::timestamptz - m.by + interval '10 min'
where t.ts > $8 and t.ts <= $5 and t.clock_behind and t.received_at > $4 and t.received_at <= $5
    and t.received_at >= m.since
order by t.received_at, m.code, t.seq
limit $6

-- name: arrived_hydrant
-- What came after its time was walked, though in time by the rules, in the order of its time: of clocks that are behind,
-- of their receive time, as `behind` takes them.
select d.code, t.device_id, case when t.clock_behind then t.received_at else t.ts end as ts,
    t.seq, t.received_at, t.batch_id, t.pressure_mpa, t.flow_lps, t.cap_open, t.water_present, t.water_temp_c,
    t.air_temp_c
from reading_hydrant t join device d on d.id = t.device_id
where t.batch_id = any($1::bigint[]) and t.ts between $2 and $3 and not t.late
order by ts, d.code, t.seq

-- name: rows_electrical
select m.code, t.ts, t.seq, t.received_at, t.batch_id, t.residual_current_ma, t.temp_a_c, t.temp_b_c, t.temp_c_c, t.temp_n_c,
    t.current_a_a, t.current_b_a, t.current_c_a
from unnest($1::integer[], $2::text[], $3::timestamptz[]) as m (id, code, since)
join reading_electrical t on t.device_id = m.id and t.ts >= m.since
where t.ts > $4 and t.ts <= $5 and not t.clock_behind
order by t.ts, m.code, t.seq
limit $6

-- name: behind_electrical
-- Of clocks that are behind, where these readings were written down: they count by their receive time.
select m.code, t.received_at as ts, t.seq, t.received_at, t.batch_id, t.residual_current_ma, t.temp_a_c, t.temp_b_c, t.temp_c_c, t.temp_n_c,
    t.current_a_a, t.current_b_a, t.current_c_a
from unnest($1::integer[], $2::text[], $3::timestamptz[], $7::interval[]) as m (id, code, since, by)
join reading_electrical t on t.device_id = m.id
    and t.ts > $4::timestamptz - m.by - interval '10 min' and t.ts <= $5::timestamptz - m.by + interval '10 min'
where t.ts > $8 and t.ts <= $5 and t.clock_behind and t.received_at > $4 and t.received_at <= $5
    and t.received_at >= m.since
order by t.received_at, m.code, t.seq
limit $6

-- name: arrived_electrical
-- What came after its time was walked, though in time by the rules, in the order of its time: of clocks that are behind,
-- of their receive time, as `behind` takes them.
select d.code, t.device_id, case when t.clock_behind then t.received_at else t.ts end as ts,
    t.seq, t.received_at, t.batch_id, t.residual_current_ma, t.temp_a_c, t.temp_b_c, t.temp_c_c, t.temp_n_c,
    t.current_a_a, t.current_b_a, t.current_c_a
from reading_electrical t join device d on d.id = t.device_id
where t.batch_id = any($1::bigint[]) and t.ts between $2 and $3 and not t.late
order by ts, d.code, t.seq

-- name: rows_water
select m.code, t.ts, t.seq, t.received_at, t.batch_id, t.level_m, t.level_pct, t.water_temp_c, t.air_temp_c
from unnest($1::integer[], $2::text[], $3::timestamptz[]) as m (id, code, since)
join reading_water t on t.device_id = m.id and t.ts >= m.since
where t.ts > $4 and t.ts <= $5 and not t.clock_behind
order by t.ts, m.code, t.seq
limit $6

-- name: behind_water
-- Of clocks that are behind, where these readings were written down: they count by their receive time.
select m.code, t.received_at as ts, t.seq, t.received_at, t.batch_id, t.level_m, t.level_pct, t.water_temp_c, t.air_temp_c
from unnest($1::integer[], $2::text[], $3::timestamptz[], $7::interval[]) as m (id, code, since, by)
join reading_water t on t.device_id = m.id
    and t.ts > $4::timestamptz - m.by - interval '10 min' and t.ts <= $5::timestamptz - m.by + interval '10 min'
where t.ts > $8 and t.ts <= $5 and t.clock_behind and t.received_at > $4 and t.received_at <= $5
    and t.received_at >= m.since
order by t.received_at, m.code, t.seq
limit $6

-- name: arrived_water
-- What came after its time was walked, though in time by the rules, in the order of its time: of clocks that are behind,
-- of their receive time, as `behind` takes them.
select d.code, t.device_id, case when t.clock_behind then t.received_at else t.ts end as ts,
    t.seq, t.received_at, t.batch_id, t.level_m, t.level_pct, t.water_temp_c, t.air_temp_c
from reading_water t join device d on d.id = t.device_id
where t.batch_id = any($1::bigint[]) and t.ts between $2 and $3 and not t.late
order by ts, d.code, t.seq
