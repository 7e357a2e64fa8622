-- name: area_name
select name from area where code = $1

-- name: pressure_alarms
-- The open pressure alarms of an area, with the mains incident they belong to, and whether their hydrants are in works.
select a.id, a.device_id, d.code as device, a.code, a.opened_at, a.life ->> 'last_at' as last_at, a.incident_id,
    i.kind = 'mains' and coalesce(a.life ->> 'grouped', '') = 'true' as member,
    coalesce(d.out_of_service_until > $3, false) as in_works
from alarm a
join device d on d.id = a.device_id
left join incident i on i.id = a.incident_id
where d.area = $1 and a.code = any($2::text[]) and a.state <> 'closed' and a.cleared_at is null

-- name: open_incident
select id from incident where kind = $1 and cause = $2 and closed_at is null
order by id desc limit 1

-- name: silence_incident
-- The incident of that cause whose members came back and fall silent again ($2): not one of before that still has others.
select i.id from incident i
where i.kind = 'silence' and i.cause = $1 and i.closed_at is null and not exists (
    select from alarm m
    where m.incident_id = i.id and m.device_id <> all($2::integer[]) and m.state <> 'closed' and m.cleared_at is null)
order by i.id desc limit 1

-- name: parents
-- Alarms that speak for an incident, with the number of its active members. Detectors end their warnings themselves.
select a.id, a.subject, a.code, a.component, coalesce(a.component_key, a.component) as component_key, a.area, a.incident_id,
    (select count(*) from alarm c
     where c.incident_id = a.incident_id and c.subject not like 'area:%'
        and c.state <> 'closed' and c.cleared_at is null) as standing
from alarm a
where a.subject like 'area:%' and a.code <> all($1::text[])
    and a.state <> 'closed' and a.cleared_at is null and a.incident_id is not null

-- name: silent_devices
-- what a township's system heard counts up to where the county has all of it
with carried as materialized (
    select a.code, min(t.heard_until) as heard_until, max(t.heard_since) as heard_since
    from township t cross join unnest(t.areas) as p join area a on starts_with(a.code, p)
    where t.heard_until is not null
    group by a.code
)
select d.id, s.last_seen, c.heard_until, c.heard_since
from device_state s join device d on d.id = s.device_id
left join carried c on c.code = d.area
-- without `offline_since` it is known to be silent, and nobody is told: its rule was switched off meanwhile
where (s.online or s.offline_since is null) and d.code <> all($2::text[]) and s.last_seen < least($1::timestamptz, c.heard_until)
    - make_interval(secs => case when d.sleepy then 3600 else d.expected_interval_s end)
-- the longest overdue first: five hundred sleepy devices that may be silent for a day must not hide a panel
-- and where even more of them may be silent (a rule that is off, a daily report), every other look goes on behind
-- those of the look before it
order by s.last_seen + make_interval(secs => case when d.sleepy then 90000 else 3 * d.expected_interval_s end), d.id
limit $3 offset $4

-- name: mark_offline
-- A message that came in the meantime wins: a row that ingest has locked or changed is left alone.
with free as materialized (
    select device_id from device_state where device_id = any($1::integer[]) order by device_id for update skip locked
)
update device_state s set online = false, offline_since = s.last_seen, marked_in = pg_current_xact_id()
from free, unnest($1::integer[], $2::timestamptz[]) as m (device_id, last_seen)
where s.device_id = free.device_id and m.device_id = s.device_id and (s.online or s.offline_since is null)
    and s.last_seen = m.last_seen
returning s.device_id

-- name: back_again
select a.device_id
from alarm a join device_state s on s.device_id = a.device_id
join device d on d.id = a.device_id
where a.code = 'device_offline' and a.state <> 'closed' and a.cleared_at is null and s.online
    and d.code <> all($1::text[])
limit 500

-- name: watermark
select min(watermark) as heard_until, max(watermark_gap_at) as since,
    bool_and(watermark is not null) as complete, count(*) as lanes
from ingest_lane

-- name: lone_silent
-- Silent devices that no incident speaks for yet.
select a.device_id, coalesce(s.offline_since, s.last_seen) as since
from alarm a join device_state s on s.device_id = a.device_id
where a.code = 'device_offline' and a.device_id is not null and a.state <> 'closed' and a.cleared_at is null
    and coalesce(a.life ->> 'grouped', '') <> 'true'
    -- as text: a cast could fail for all alarms at once; the life cycle writes UTC
    and coalesce(left(a.life ->> 'last_at', 19), to_char(a.opened_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'))
        > to_char($1::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') collate "C"

-- name: silence_speakers
-- The alarms of areas that speak for devices which fell silent together, and since when the last of each group is.
select a.subject, a.component, a.incident_id, max(s.offline_since) as last
from alarm a
left join alarm m on m.incident_id = a.incident_id and m.code = a.code and m.device_id is not null
    and m.state <> 'closed' and m.cleared_at is null
left join device_state s on s.device_id = m.device_id
where a.subject = any($1::text[]) and a.code = 'device_offline' and a.incident_id is not null
    and a.state <> 'closed' and a.cleared_at is null
group by a.subject, a.component, a.incident_id
order by last desc nulls last
