-- name: mark_confirmed
update incident set confirmed_notice = $2 where id = $1

-- name: notice_numbers
select alarm_id, max(number) as number from notice
where alarm_id = any($1::bigint[]) and channel = 'desk' group by alarm_id

-- name: insert_notice
insert into notice (
    id, alarm_id, incident_id, number, channel, type, fire, overtakes, body, due_at, created_at)
values ($1, $2, $3, $4, 'desk', $5, $6, $7, $8, $9, $9)

-- name: notice_device
-- Of a closed alarm ($4 is its area) whose device was moved away since, to another area or from its site ($3), the place
-- is where it was.
select w.alarm_id, d.code, d.kind, s.name as site_name, s.address as site_address, s.contacts as site_contacts,
    s.access_note as site_access_note,
    case when w.moved then coalesce(r.name, '') else d.name end as name,
    case when w.moved then w.area else d.area end as area,
    case when w.moved then coalesce(s.lon, r.lon) else coalesce(d.lon, s.lon) end as lon,
    case when w.moved then coalesce(s.lat, r.lat) else coalesce(d.lat, s.lat) end as lat
from (
    select a.*, coalesce(not starts_with(d.area, a.area), false)
        or (a.area is not null and a.site_id is not null and a.site_id is distinct from d.site_id) as moved
    from unnest($1::bigint[], $2::integer[], $3::integer[], $4::text[]) as a (alarm_id, device_id, site_id, area)
    join device d on d.id = a.device_id
) w
join device d on d.id = w.device_id
left join site s on s.id = case when w.moved then w.site_id else d.site_id end
left join area r on w.moved and r.code = w.area

-- name: notice_area
select code, name, lon, lat from area where code = any($1::text[])

-- name: notice_lines
-- The newest lines of each: a detector that flaps for a day has thousands, and a notice carries few.
select l.alarm_id, l.at, l.text
from unnest($1::bigint[]) as a (id)
cross join lateral (
    select t.alarm_id, t.at, t.detail -> 'reason' ->> 0 as text
    from alarm_transition t where t.alarm_id = a.id
    order by t.number desc limit $2) l

-- name: nearest_water
-- Haversine on a sphere of 6371 km; the box of 0.05 degrees (about 5 km) lets the place index answer.
select p.*, s.state, s.state_at, s.ts as state_ts, s.received_at as state_received_at, s.clock_behind_s,
    s.unreadable_since, case when coalesce(s.is_online, false) then 'online' else 'offline' end as status,
    array(select a.code from alarm a where a.device_id = p.id and a.state <> 'closed' and a.cleared_at is null) as alarms
from (
    select d.id, d.code, d.kind, d.area, d.sleepy, d.expected_interval_s, d.rated_current_a, d.limits,
        2 * 6371000 * asin(sqrt(
            sin(radians(d.lat - $2) / 2) ^ 2
            + cos(radians($2)) * cos(radians(d.lat)) * sin(radians(d.lon - $1) / 2) ^ 2)) as distance_m
    from device d
    where d.kind in ('hydrant', 'water')
        and d.lon between $1 - 0.05 and $1 + 0.05 and d.lat between $2 - 0.05 and $2 + 0.05
        and (d.out_of_service_until is null or d.out_of_service_until < $3)
    order by distance_m
    limit 5
) p
left join device_state s on s.device_id = p.id
order by p.distance_m
