-- name: scope_of
-- the lock of the alarm: for a fire that of its site
select scope from alarm where id = $1

-- name: withdraw_calls
update notice set state = 'withdrawn' where alarm_id = $1 and channel <> 'desk' and state = 'waiting'

-- name: set_window
update site set test_window_until = $2, test_window_reason = $3, test_window_by = $4, version = version + 1,
    updated_at = $5
where id = $1

-- name: lock_notice
select id, alarm_id, state from notice where id = $1 for update

-- name: release_notice
update notice set state = 'waiting', due_at = $2, released_at = $2, dead_at = null, claimed_by = null, claimed_until = null
where id = $1

-- name: audit
insert into audit (at, actor, action, target, detail) values ($1, $2, $3, $4, $5)

-- name: keep_act
-- for the other system, where its alarm is there too; what came from there needs no way back
insert into carried_act (alarm_id, act, outcome, actor, note, at, act_id, origin, result, carried_at)
select a.id, $2, $3, $4, $5, $6, coalesce($7::uuid, gen_random_uuid()), $8::text,
    case when $8::text is not null then 'applied' end, case when $8::text is not null then $6::timestamptz end
from alarm a
where a.id = $1 and ($8::text is not null or goes_up(a) or (a.category <> 'system' and exists (
    select from township t cross join unnest(t.areas) p where starts_with(a.area, p))))
