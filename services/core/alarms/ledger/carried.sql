-- name: lock
-- the same act may come twice at once
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))

-- name: known
select origin, result, answer from carried_act where act_id = $1

-- name: alarms_of
-- The alarms of that condition, in the areas $7, that an act may mean, the likeliest first. A correction ($9) means the
-- alarm that an earlier act ($8) of the same alarm over there was about, however long ago, or else a closed one that opened
-- about then. Any other act was about an alarm that was open there: it means the open one, and those only after it. What
-- does not say what was known ($10 is null), as in earlier releases, may be a correction too: it means the nearest.
select a.id, a.state, a.verification, a.acknowledged_at, a.device_id
from alarm a
left join device d on d.id = a.device_id
left join lateral (
    select max(c.id) as act from carried_act c
    where c.alarm_id = a.id and c.act_id = any($8::uuid[])
        and c.answer ->> 'reported_since' is null) met on true  -- that was about another one
where a.code = $3 and coalesce(a.component_key, a.component) = $4
    and case when $1::text is not null then d.code = $1 else a.subject = 'area:' || $2::text end
    and (met.act is not null
        or case when a.state <> 'closed' then not $9
            else abs(extract(epoch from a.opened_at - $5::timestamptz)) <= extract(epoch from $6::interval) end)
    and ($7::text[] is null or exists (select from unnest($7::text[]) p where starts_with(a.area, p)))
order by (a.state <> 'closed' and not $9 and $10::timestamptz is not null) desc, met.act desc nulls last,
    abs(extract(epoch from a.opened_at - $5::timestamptz))
limit 3

-- name: word_of
-- whose verdict stands; null: ours
select origin from carried_act where alarm_id = $1 and act = 'verify' and result is distinct from 'stands'
order by id desc limit 1

-- name: standing
select a.state, a.verification, a.acknowledged_at, a.acknowledged_by,
    (select t.actor from alarm_transition t
     where t.alarm_id = a.id and t.act in ('verify', 'correct') and t.outcome in ('verified', 'corrected')
     order by t.number desc limit 1) as verified_by
from alarm a where a.id = $1

-- name: note
insert into carried_act (act_id, alarm_id, act, outcome, actor, note, at, origin, result, carried_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7)

-- name: answer
update carried_act set answer = $2 where act_id = $1

-- name: fires_since
-- Fires of the device behind the newest report that was known then ($3), by the device's own time, whatever its clock says;
-- answers of the API cut that to milliseconds. Where we replaced the time, or the other side is of an earlier release and
-- does not say what it knew, the time of the act counts ($2). A township ($4) received all reports before its county.
select e.component from event e
where e.device_id = $1 and e.type in ('fire', 'manual_alarm') and e.active
    and e.ts > least($2::timestamptz, coalesce($3::timestamptz, $2)) - interval '1 day'
    and (($4 and e.received_at > $2) or case
        when $3 is null or e.ts = e.received_at then e.ts > $2 else e.ts >= $3 + interval '1 millisecond' end)
limit 1000

-- name: asked_since
-- Whether the alarm asked for somebody after the act, for something that was not known then. Here it may have opened, and
-- risen, long after it did there: the device's time tells, where there is one.
select exists (
    select from alarm_transition t
    where t.alarm_id = a.id and t.at > $2 and t.outcome in ('opened', 'reopened', 'rose', 'confirmed', 'uncovered')
        and case when t.detail ->> 'device_ts' is not null
            then (t.detail ->> 'device_ts')::timestamptz >= coalesce($3::timestamptz, $2) + interval '1 millisecond'
            else t.outcome <> 'opened' and a.opened_at <= $2 end)
from alarm a where a.id = $1
