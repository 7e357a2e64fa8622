-- name: saved_states
select device_id, state, batch_id, updated_at from rule_state where device_id = any($1::integer[])

-- name: heard
-- When a device was heard last. Rows from a clock that is behind are that much older.
select device_id, make_interval(secs => coalesce(clock_behind_s, 0)) as behind, last_seen
from device_state where device_id = any($1::integer[])

-- name: waiting
-- Which of these batches are not judged yet.
select b.id
from ingest_batch b left join feed_cursor c using (writer)
where b.id = any($1::bigint[]) and b.number > coalesce(c.number, 0)

-- name: standing
-- What stands of some devices ($1: the subjects of their alarms) that readings raise and end ($2: codes), by its causes.
-- None where none can be read: whatever the row holds, it ends with what raised it.
select device_id, code, severity, array(
    select jsonb_array_elements_text(case jsonb_typeof(life -> 'causes') when 'array' then life -> 'causes' else '[]' end)
) as causes
from alarm
where subject = any($1::text[]) and code = any($2::text[]) and state <> 'closed' and cleared_at is null

-- name: save_state
insert into rule_state (device_id, state, batch_id, updated_at) values ($1, $2, $3, $4)
on conflict (device_id) do update
set state = excluded.state, batch_id = excluded.batch_id, updated_at = excluded.updated_at

-- name: since_hydrant
-- What a device sent between its saved state and the slice at hand, the newest rows of it. $5, the earliest of all
-- `since`, and $6 leave the chunks before and behind aside.
select r.*
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::timestamptz[]) as s (device_id, seen, first, since)
cross join lateral (
    select device_id, batch_id, ts, seq, received_at, clock_behind, pressure_mpa, flow_lps, water_temp_c, tilt_deg, cap_open, water_present, battery_pct
    from reading_hydrant t
    where t.device_id = s.device_id and t.ts >= s.since and t.ts >= $5 and t.ts <= $6 and t.batch_id > s.seen and t.batch_id < s.first
    order by t.ts desc limit 2000) r

-- name: since_electrical
-- What a device sent between its saved state and the slice at hand, the newest rows of it. $5, the earliest of all
-- `since`, and $6 leave the chunks before and behind aside.
select r.*
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::timestamptz[]) as s (device_id, seen, first, since)
cross join lateral (
    select device_id, batch_id, ts, seq, received_at, clock_behind, residual_current_ma, temp_a_c, temp_b_c, temp_c_c, temp_n_c, current_a_a, current_b_a, current_c_a, voltage_a_v, voltage_b_v, voltage_c_v, arc_count
    from reading_electrical t
    where t.device_id = s.device_id and t.ts >= s.since and t.ts >= $5 and t.ts <= $6 and t.batch_id > s.seen and t.batch_id < s.first
    order by t.ts desc limit 2000) r

-- name: since_water
-- What a device sent between its saved state and the slice at hand, the newest rows of it. $5, the earliest of all
-- `since`, and $6 leave the chunks before and behind aside.
select r.*
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::timestamptz[]) as s (device_id, seen, first, since)
cross join lateral (
    select device_id, batch_id, ts, seq, received_at, clock_behind, level_m, level_pct, battery_pct
    from reading_water t
    where t.device_id = s.device_id and t.ts >= s.since and t.ts >= $5 and t.ts <= $6 and t.batch_id > s.seen and t.batch_id < s.first
    order by t.ts desc limit 2000) r

-- name: since_panel
-- What a device sent between its saved state and the slice at hand, the newest rows of it. $5, the earliest of all
-- `since`, and $6 leave the chunks before and behind aside.
select r.*
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::timestamptz[]) as s (device_id, seen, first, since)
cross join lateral (
    select device_id, batch_id, ts, seq, received_at, clock_behind, mains_ok, battery_ok, link_ok, battery_v
    from reading_panel t
    where t.device_id = s.device_id and t.ts >= s.since and t.ts >= $5 and t.ts <= $6 and t.batch_id > s.seen and t.batch_id < s.first
    order by t.ts desc limit 2000) r
