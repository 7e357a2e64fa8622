-- name: is_due
select exists (select from alarm where due_at <= $1 and state <> 'closed')
    or exists (select from alarm where opened_at > $2 and category = 'fire' and state <> 'closed' and escalates_at is not null)
    or exists (select from alarm where since > $2 and category = 'fire' and state <> 'closed' and escalates_at is not null)
    or exists (select from alarm_timer where done_at is null and due_at <= $1)
    or exists (select from alarm_timer where done_at is null and alarm_id = any(array(
        select id from alarm where opened_at > $2 union select id from alarm where updated_at > $2)))

-- name: due_fires
select scope, min(area) as area
from alarm
where state <> 'closed' and code = 'fire' and scope <> all($2::text[])
    -- $3: it began by a clock that was set back since then
    and (due_at <= $1 or ((opened_at > $3 or since > $3) and category = 'fire' and escalates_at is not null))
group by scope order by min(due_at) limit 100

-- name: due_alarms
select id, code, area
from alarm
where due_at <= $1 and state <> 'closed' and code <> 'fire' and id <> all($2::bigint[])
order by due_at limit 200

-- name: moved_windows
select f.scope, s.area
from fire_scope f join site s on f.scope = 'site:' || s.id
-- not least(): it would treat a window that is not set as one that never ends
where f.test_until is distinct from case when s.test_window_until > '9000-01-01' then '9000-01-01' else s.test_window_until end
    and f.scope <> all($1::text[])

-- name: moved_service
-- `known` is text: a cast of a bad value would fail for all alarms at once
select a.id, a.code, a.area, a.life ->> 'out_of_service_until' as known,
    case when d.out_of_service_until > $1 then least(d.out_of_service_until, '9000-01-01') end as until
from alarm a join device d on d.id = a.device_id
where a.state <> 'closed' and a.code <> 'fire' and a.id <> all($2::bigint[])
    and (a.life ? 'out_of_service_until' or d.out_of_service_until > $1)

-- name: outlasting_tests
-- marked as of a test and still active, and the window is over; fires have a clock for that, and are judged anew
select a.id, a.code, a.area
from alarm a left join site s on s.id = a.site_id and s.test_window_until > $1
where a.test_window and a.code <> 'fire' and a.state <> 'closed' and a.cleared_at is null and s.id is null
    and a.id <> all($2::bigint[])

-- name: due_timers
select t.alarm_id, t.step, t.channels, t.until, a.code, a.severity, a.state, a.verification, a.acknowledged_at, a.area,
    a.reason, a.reason_en, a.drill, a.incident_id, a.cleared_at, a.test_window,
    coalesce(a.shelved_until > $1, false) as shelved,
    -- a fire by the one whose fire.confirmed went out; a member of a group by the alarm of its area, if that calls anybody
    a.life ? 'covered' or (a.life ? 'grouped' and not a.life ? 'told' and exists (
        select from alarm o join alarm_timer ot on ot.alarm_id = o.id
        where o.incident_id = a.incident_id and o.subject like 'area:%' and o.state <> 'closed')) as spoken_for,
    -- as the life cycle knows it, which begins the steps anew when it ends
    case when a.code <> 'fire' then a.life ->> 'out_of_service_until'
        when not a.life ? 'manual' then a.life ->> 'test_until' end as quiet_until,
    coalesce(nullif(s.name, ''), nullif(d.name, ''), d.code, r.name, '') as place
from alarm_timer t
join alarm a on a.id = t.alarm_id
left join device d on d.id = a.device_id
left join site s on s.id = a.site_id
left join area r on r.code = a.area
where t.done_at is null and t.alarm_id || ':' || t.step <> all($2::text[])
    -- $3: the alarm began, or asked again, by a clock that was set back since: its steps would wait for that hour to pass
    and (t.due_at <= $1 or t.alarm_id = any(array(
        select id from alarm where opened_at > $3 union select id from alarm where updated_at > $3))
        -- of a fire, and of what 119 lacks, all of them; of the rest the first that is left, the others when it is time
        and (a.code in ('fire', 'dispatch_failed') or not exists (
            select from alarm_timer o
            where o.alarm_id = t.alarm_id
                and (o.done_at <= $1 or (o.done_at is null and (o.due_at, o.step) < (t.due_at, t.step))))))
-- fires first, and what 119 lacks: a thousand other steps that are due at once take twenty seconds
order by a.code not in ('fire', 'dispatch_failed'), t.due_at, t.alarm_id, t.step
limit 10

-- name: end_timer
update alarm_timer set done_at = $3, result = $4 where alarm_id = $1 and step = $2

-- name: bring_forward
-- A step that reaches nobody does not use up time: the next one is due now.
update alarm_timer set due_at = $2
where alarm_id = $1 and done_at is null and step = (
    select step from alarm_timer where alarm_id = $1 and done_at is null order by due_at, step limit 1)

-- name: contacts
select id, name, channel, address, settings::text as settings, area, by_county
from contact
where enabled and channel = any($1::text[])
    and (area is null or $2::text is null or starts_with($2, area))
order by id

-- name: insert_call
insert into notice (
    id, alarm_id, incident_id, number, channel, type, fire, target, body, due_at, created_at)
select $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6, $7, $8, $9, $9
from notice where alarm_id = $2 and channel = $4

-- name: overdue
-- Steps that a healthy clock would have taken: those 30 s late, and unjudged fires without clock or notice. A fire that
-- began and ended in a test only waits for a verdict.
select
    (select count(*) from alarm where due_at < $1 and state <> 'closed')
    + (select count(*) from alarm_timer where done_at is null and due_at < $1)
    + (select count(*) from alarm a where a.code = 'fire' and a.state <> 'closed' and a.verification = 'pending'
        and a.escalates_at is null and a.life ->> 'test_until' is null and a.opened_at < $1
        and not (a.test_window and a.cleared_at is not null)
        and not exists (select from notice n where n.alarm_id = a.id and n.channel = 'desk'))

-- name: tell_outbox
select pg_notify('firetower_notice', '')
