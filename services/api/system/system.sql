-- name: lanes
select l.writer, l.lane, l.connected and l.updated_at > now() - interval '30 seconds' as connected, l.watermark as watermark_at,
       l.oldest_unacked_s as lag_s, l.slots_used as unacknowledged, l.slots as window, l.broker_dropped, l.sessions_lost,
       l.updated_at, b.last_batch_at, coalesce(b.rows, 0) / 60.0::float8 as rate_per_s
from ingest_lane l
left join lateral (
    select max(committed_at) as last_batch_at, sum(hydrant + electrical + water + panel + events)::bigint as rows
    from ingest_batch b where b.writer = l.writer and b.committed_at > now() - interval '60 seconds'
) b on true
order by l.writer

-- name: storage
select pg_database_size(current_database()) as database_bytes

-- name: disks
-- as alerts saw them last, and no clock that was ahead; full_in_days is null where none will be full
select folder, at, used_bytes, free_bytes, full_in_days
from disk_use where at = (select max(at) from disk_use where at <= now() + interval '1 minute') order by folder

-- name: dispatch
select count(*) filter (where state = 'waiting') as waiting, count(*) filter (where state = 'held') as held,
       count(*) filter (where state = 'dead') as dead, count(*) filter (where state = 'waiting' and fire) as fire_waiting,
       min(created_at) filter (where state = 'waiting') as oldest_waiting_at,
       count(*) filter (where delivered_at > now() - interval '24 hours') as delivered_24h
from notice
where channel = 'desk' and (state in ('waiting', 'held') or created_at > now() - interval '30 days')

-- name: programs
select case when name like 'ingest%' then 'ingest' else name end as name, bool_or(expires_at > clock_timestamp()) as up,
       min(taken_at) as since
from lease group by 1 order by 1

-- name: test_windows
select id as site_id, name as site_name, area, test_window_until as until, test_window_reason as reason, test_window_by as by,
       case when lon is not null then jsonb_build_object('lon', lon, 'lat', lat) end as location
from site
where test_window_until > now()
  and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(area, p)))
order by test_window_until

-- name: devices
select d.kind,
       count(*) filter (where d.out_of_service_until > now()) as out_of_service,
       count(*) filter (where not coalesce(d.out_of_service_until > now(), false) and not d.registered) as discovered,
       count(*) filter (where not coalesce(d.out_of_service_until > now(), false) and d.registered
                          and s.is_online) as online,
       count(*) filter (where not coalesce(d.out_of_service_until > now(), false) and d.registered
                          and not coalesce(s.is_online, false)) as offline
from device d left join device_state s on s.device_id = d.id
where :everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p))
group by d.kind

-- name: alarms
select count(*) filter (where severity = 'critical' and not shelved) as critical,
       count(*) filter (where severity = 'major' and not shelved) as major,
       count(*) filter (where severity = 'minor' and not shelved) as minor,
       count(*) filter (where severity = 'info' and not shelved) as info,
       count(*) filter (where state = 'unacknowledged' and not shelved) as unacknowledged,
       count(*) filter (where category = 'fire') as fires_open
from (
    select *, coalesce(shelved_until > now(), false) as shelved from alarm
    where state <> 'closed'
      and (:everywhere or (area is null and :county)
           or exists (select from unnest(cast(:areas as text[])) p where starts_with(area, p)))
) a

-- name: opened_lately
-- the newest thousand tell a flood from none, however many there are
select opened_at from alarm
where opened_at > cast(:since as timestamptz)
  and (:everywhere or (area is null and :county)
       or exists (select from unnest(cast(:areas as text[])) p where starts_with(area, p)))
order by opened_at desc limit 1000

-- name: standing
-- active for more than a day (ISA-18.2: stale)
select id from alarm
where state <> 'closed' and cleared_at is null and coalesce(since, opened_at) < now() - interval '24 hours'
  and (:everywhere or (area is null and :county)
       or exists (select from unnest(cast(:areas as text[])) p where starts_with(area, p)))
order by coalesce(since, opened_at) limit 200

-- name: chattering
-- three times or more within a minute, in the last hour (ISA-18.2)
select id from (
    select a.id, t.at, lag(t.at, 2) over (partition by a.id order by t.at) as third
    from alarm a join alarm_transition t on t.alarm_id = a.id
    where a.state <> 'closed' and a.updated_at > now() - interval '1 hour'
      and t.at > now() - interval '1 hour' and t.outcome in ('opened', 'reopened', 'repeated')
      and (:everywhere or (a.area is null and :county)
           or exists (select from unnest(cast(:areas as text[])) p where starts_with(a.area, p)))
) a
where at - third <= interval '1 minute'
group by id order by max(at) desc limit 200

-- name: sites
select count(*) as sites from site
where :everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(area, p))

-- name: gateways
select g.code, g.name, c.devices, s.last_seen,
       case when g.out_of_service_until > now() then 'out_of_service' when not g.registered then 'discovered'
            when s.is_online then 'online' else 'offline' end as status
from (select gateway, count(*) as devices from device where gateway is not null group by gateway) c
join device g on g.code = c.gateway
left join device_state s on s.device_id = g.id
where :everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(g.area, p))
order by coalesce(s.is_online, false), g.code
limit 500

-- name: drill
select body ->> 'until' as until from policy where name = 'drill'

-- name: web_push
-- failing: the newest message was not accepted
select coalesce((select is_on from web_push_state), false) as on, count(*) as browsers,
    count(*) filter (where failures > 0) as failing, max(accepted_at) as accepted_at
from web_push
