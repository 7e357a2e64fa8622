-- name: scopes_of
-- The locks of the alarm: for a fire that of its site; for one that is over also those of where others of its incident
-- stand by now, which are judged again if it is dismissed after all. In one order, as everywhere.
select array(
    select scope from alarm where id = a.id and scope is not null
    union
    select o.scope from alarm o
    where o.incident_id = a.incident_id and a.state = 'closed' and a.code = 'fire' and o.code = 'fire'
        and o.state <> 'closed' and o.scope is not null
    order by scope) as scopes
from alarm a where a.id = $1

-- name: withdraw_calls
-- Calls that the act has answered, or all ($2): one that is made until a verdict goes on when somebody has only seen it.
update notice n set state = 'withdrawn'
from alarm a
where a.id = $1 and n.alarm_id = a.id and n.channel <> 'desk' and n.state = 'waiting'
    and ($2 or not exists (
        select from alarm_timer t join contact c on n.channel = 'contact:' || c.id
        where t.alarm_id = a.id and t.result like 'called%' and c.channel = any(t.channels) and a.state <> 'closed'
            and case t.until when 'acknowledged' then a.acknowledged_at is null
                when 'judged' then a.verification in ('none', 'pending') else true end))

-- name: set_window
update site set test_window_until = $2, test_window_reason = $3, test_window_by = $4, version = version + 1,
    updated_at = $5, test_window_since = case when $2::timestamptz is null then null
                                              when test_window_until > $5 then test_window_since -- it is only moved
                                              else $5 end
where id = $1

-- name: lock_notice
select id, alarm_id, state from notice where id = $1 for update

-- name: release_notice
update notice set state = 'waiting', due_at = $2, released_at = $2, dead_at = null, claimed_by = null, claimed_until = null
where id = $1

-- name: audit
insert into audit (at, actor, action, target, detail) values ($1, $2, $3, $4, $5)

-- name: keep_act
-- For the other system, where its alarm is there too; what came from there needs no way back. The newest report is kept by
-- the device's time, which both systems have alike.
insert into carried_act (
    alarm_id, act, outcome, actor, note, at, act_id, origin, result, carried_at, correction, reported_at)
select a.id, $2, $3, $4, $5, $6, coalesce($7::uuid, gen_random_uuid()), $8::text,
    case when $8::text is not null then 'applied' end, case when $8::text is not null then $6::timestamptz end, $9,
    (select max((t.detail ->> 'device_ts')::timestamptz) from alarm_transition t
     where t.alarm_id = a.id and t.act = 'report')
from alarm a
where a.id = $1 and ($8::text is not null or goes_up(a) or (a.category <> 'system' and exists (
    select from township t cross join unnest(t.areas) p where starts_with(a.area, p))))
