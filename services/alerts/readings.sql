-- name: bad_clocks
select device_id, received_at from reject
where batch_id = any($1::bigint[]) and reason = 'clock_implausible' and device_id is not null
    and received_at between $2 and $3

-- name: batch_hydrant
select device_id, batch_id, ts, seq, received_at, clock_behind, pressure_mpa, flow_lps, water_temp_c, tilt_deg, cap_open, water_present, battery_pct
from reading_hydrant
where batch_id = any($1::bigint[]) and ts between $2 and $3

-- name: batch_electrical
select device_id, batch_id, ts, seq, received_at, clock_behind, residual_current_ma, temp_a_c, temp_b_c, temp_c_c, temp_n_c, current_a_a, current_b_a, current_c_a, voltage_a_v, voltage_b_v, voltage_c_v, arc_count
from reading_electrical
where batch_id = any($1::bigint[]) and ts between $2 and $3

-- name: batch_water
select device_id, batch_id, ts, seq, received_at, clock_behind, level_m, level_pct, battery_pct
from reading_water
where batch_id = any($1::bigint[]) and ts between $2 and $3

-- name: batch_panel
select device_id, batch_id, ts, seq, received_at, clock_behind, mains_ok, battery_ok, link_ok, battery_v
from reading_panel
where batch_id = any($1::bigint[]) and ts between $2 and $3
