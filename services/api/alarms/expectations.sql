-- name: warning
select w.code, w.device, w.members, w.began_at, w.ended_at, w.unit
from early_warning w where w.alarm_id = :alarm
order by w.id desc limit 1

-- name: devices
select d.id, d.code, d.name, d.kind from device d
where d.code = any(cast(:codes as text[]))
    and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p)))

-- name: neighbours
-- The nearest of the same kind, within about ten kilometres.
select d.id, d.code, d.name, d.kind
from device s join device d on d.kind = s.kind and d.id <> s.id
where s.id = :device and d.lon between s.lon - 0.1 and s.lon + 0.1 and d.lat between s.lat - 0.1 and s.lat + 0.1
    and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p)))
order by power((d.lon - s.lon) * cos(radians(s.lat)), 2) + power(d.lat - s.lat, 2), d.code
limit 4

-- name: expected
select time_bucket(cast(:width as interval), e.at - interval '1 second', cast(:begin as timestamptz)) as at,
    avg(e.expected) as expected, avg(e.spread) as spread
from early_expected e
where e.device_id = :device and e.quantity = :quantity and e.at > :begin and e.at <= :until
group by 1 order by 1

-- name: pressure
select r.device_id, time_bucket(cast(:width as interval), r.ts, cast(:begin as timestamptz)) as at,
    avg(r.pressure_mpa) as seen
from reading_hydrant r
where r.device_id = any(cast(:devices as integer[])) and r.ts >= :begin and r.ts < :until
group by 1, 2 order by 2

-- name: water_temperature
select r.device_id, time_bucket(cast(:width as interval), r.ts, cast(:begin as timestamptz)) as at,
    avg(r.water_temp_c) as seen
from (
    select device_id, ts, water_temp_c from reading_hydrant
    where device_id = any(cast(:devices as integer[])) and ts >= :begin and ts < :until
    union all
    select device_id, ts, water_temp_c from reading_water
    where device_id = any(cast(:devices as integer[])) and ts >= :begin and ts < :until
) r
group by 1, 2 order by 2

-- name: residual_current
select r.device_id, time_bucket(cast(:width as interval), r.ts, cast(:begin as timestamptz)) as at,
    avg(r.residual_current_ma) as seen
from reading_electrical r
where r.device_id = any(cast(:devices as integer[])) and r.ts >= :begin and r.ts < :until
group by 1, 2 order by 2

-- name: temperature
-- The hottest conductor, the neutral too, as the detector judges; a device may send each phase in a reading of its own.
select r.device_id, time_bucket(cast(:width as interval), r.ts, cast(:begin as timestamptz)) as at,
    max(greatest(r.temp_a_c, r.temp_b_c, r.temp_c_c, r.temp_n_c)) as seen
from reading_electrical r
where r.device_id = any(cast(:devices as integer[])) and r.ts >= :begin and r.ts < :until
group by 1, 2 order by 2
