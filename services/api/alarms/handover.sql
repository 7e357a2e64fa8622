-- name: out_of_service
select code, name, area, out_of_service_until as until, out_of_service_reason as reason, out_of_service_by as by
from device
where out_of_service_until > now()
  and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(area, p)))
order by out_of_service_until
limit 1000

-- name: notes
select n.at, n.actor, substring(n.target from 'alarm:([0-9]+)')::bigint as alarm_id, n.detail ->> 'note' as text
from audit n
join alarm a on a.id = substring(n.target from 'alarm:([0-9]+)')::bigint
where n.action = 'alarm.note' and n.at > :since
  and (:everywhere or (a.area is null and :county)
       or exists (select from unnest(cast(:areas as text[])) p where starts_with(a.area, p)))
order by n.at desc
limit 500

-- name: false_alarms
select s.id, s.name, s.area, count(*) filter (where a.verification = 'false') as count_30d,
       count(*) filter (where a.verification = 'false' and coalesce(a.since, a.opened_at) > now() - interval '24 hours') as count_24h,
       count(*) as alarms_30d
from alarm a join site s on s.id = a.site_id
where (a.opened_at > now() - interval '30 days' or a.since > now() - interval '30 days') and a.category = 'fire'
  and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(s.area, p)))
group by s.id
having count(*) filter (where a.verification = 'false') > 0
order by count_30d desc, s.id
limit 100

-- name: last_signed
select to_at from handover where areas = cast(:same as text[]) and to_at > :since order by id desc limit 1

-- name: dispatch
select distinct on (alarm_id) alarm_id, type, state, coalesce(delivered_at, created_at) as at
from notice
where alarm_id = any(cast(:ids as bigint[])) and channel = 'desk'
order by alarm_id, fire desc, created_at desc

-- name: judged
select distinct on (alarm_id) alarm_id, actor as by, at, detail ->> 'note' as note
from alarm_transition
where alarm_id = any(cast(:ids as bigint[])) and outcome in ('verified', 'corrected')
order by alarm_id, number desc
