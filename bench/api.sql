-- name: place
-- the run's devices, which ingest only discovered, get what a registered device has
update device set name = '设备 ' || id, address = '府前街 ' || id || ' 号', registered = true, lon = 110.95 + random() * 0.3,
       lat = 38.75 + random() * 0.3
where code like $1 || '%'

-- name: account
-- loss accounting of the last 26 hours
insert into device_quality (device_id, hour, gaps, late)
select d.id, date_trunc('hour', now()) - make_interval(hours => h), 1, 2
from device d cross join generate_series(1, 26) h where d.code like $1 || '%'
on conflict do nothing

-- name: raise
-- an open alarm on every fifth device
insert into alarm (subject, code, category, severity, state, device_id, area, reason, reason_en, opened_at)
select 'device:' || id, 'tamper', 'device', 'minor', 'unacknowledged', id, area, '防拆', 'tamper', now()
from device where code like $1 || '%' and id % 5 = 0
on conflict do nothing

-- name: read
-- one day of 5-minute readings of the run's first hydrants, in the order in which they would have come: by time, every
-- device in turn, so that a device's rows lie as far apart as in a county's table
insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, pressure_mpa, flow_lps, water_temp_c, tilt_deg,
                             cap_open, water_present, battery_pct, rsrp_dbm)
select d.id, t, extract(epoch from t)::bigint / 300, t, 0, 0.3 + random() / 10, 0, 8 + random(), 1, false, true, 90,
       -90 - random() * 10
from generate_series($3::timestamptz, $3::timestamptz + interval '23 hours 55 minutes', interval '5 minutes') t
cross join (select id from device where code like $1 || '%' and kind = 'hydrant' order by id limit $2) d
order by t, d.id

-- name: charted
select code from device where code like $1 || '%' and kind = 'hydrant' order by id limit $2

-- name: known
select count(*) from device d join device_state s on s.device_id = d.id where d.code like $1 || '%'

-- name: age
-- a past of $1 weeks: a row, and so a chunk, in each of them that has none
with past as (
    select date_trunc('day', now(), 'UTC') - make_interval(days => 7 * n) as ts from generate_series(6, $1 - 1) n
), hydrant as (
    insert into reading_hydrant (device_id, ts, seq, received_at, batch_id) select 0, ts, 0, ts, 0 from past
), electrical as (
    insert into reading_electrical (device_id, ts, seq, received_at, batch_id) select 0, ts, 0, ts, 0 from past
), water as (
    insert into reading_water (device_id, ts, seq, received_at, batch_id) select 0, ts, 0, ts, 0 from past
), panel as (
    insert into reading_panel (device_id, ts, seq, received_at, batch_id) select 0, ts, 0, ts, 0 from past
)
insert into event (device_id, ts, received_at, batch_id, event_id, type, digest)
select 0, ts, ts, 0, '', 'test', '' from past
