-- name: devices
select id from device where kind = $1 order by id

-- name: history_hydrant
select device_id, batch_id, ts, seq, received_at, clock_behind, pressure_mpa, flow_lps, water_temp_c, tilt_deg, cap_open, water_present, battery_pct
from reading_hydrant
where device_id = any($1::integer[]) and ts >= $2::timestamptz - interval '30 days' and ts <= $3::timestamptz + interval '5 minutes'
    and received_at >= $2 and received_at < $3
order by device_id, received_at, ts, seq

-- name: history_electrical
select device_id, batch_id, ts, seq, received_at, clock_behind, residual_current_ma, temp_a_c, temp_b_c, temp_c_c, temp_n_c, current_a_a, current_b_a, current_c_a, voltage_a_v, voltage_b_v, voltage_c_v, arc_count
from reading_electrical
where device_id = any($1::integer[]) and ts >= $2::timestamptz - interval '30 days' and ts <= $3::timestamptz + interval '5 minutes'
    and received_at >= $2 and received_at < $3
order by device_id, received_at, ts, seq

-- name: history_water
select device_id, batch_id, ts, seq, received_at, clock_behind, level_m, level_pct, battery_pct
from reading_water
where device_id = any($1::integer[]) and ts >= $2::timestamptz - interval '30 days' and ts <= $3::timestamptz + interval '5 minutes'
    and received_at >= $2 and received_at < $3
order by device_id, received_at, ts, seq

-- name: history_panel
select device_id, batch_id, ts, seq, received_at, clock_behind, mains_ok, battery_ok, link_ok, battery_v
from reading_panel
where device_id = any($1::integer[]) and ts >= $2::timestamptz - interval '30 days' and ts <= $3::timestamptz + interval '5 minutes'
    and received_at >= $2 and received_at < $3
order by device_id, received_at, ts, seq
