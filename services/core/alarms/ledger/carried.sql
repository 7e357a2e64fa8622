-- name: lock
-- the same act may come twice at once
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))

-- name: known
select origin, result, answer from carried_act where act_id = $1

-- name: alarm_of
-- the alarm of that condition, in the areas $7, which opened nearest to that time; a closed one only if it opened about
-- then
select a.id, a.state, a.verification, a.acknowledged_at, a.device_id
from alarm a left join device d on d.id = a.device_id
where a.code = $3 and coalesce(a.component_key, a.component) = $4
    and case when $1::text is not null then d.code = $1 else a.subject = 'area:' || $2::text end
    and (a.state <> 'closed' or abs(extract(epoch from a.opened_at - $5::timestamptz))
                                <= extract(epoch from $6::interval))
    and ($7::text[] is null or exists (select from unnest($7::text[]) p where starts_with(a.area, p)))
order by abs(extract(epoch from a.opened_at - $5::timestamptz))
limit 1

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
select e.component from event e
where e.device_id = $1 and e.ts > $2 and e.type in ('fire', 'manual_alarm') and e.active
limit 1000
