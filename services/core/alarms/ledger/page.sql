-- name: lock_open
select a.*, d.code as device
from unnest($1::text[], $2::text[], $3::text[]) as k (subject, code, component)
join alarm a on a.subject = k.subject and a.code = k.code and coalesce(a.component_key, a.component) = k.component
left join device d on d.id = a.device_id
where a.state <> 'closed'
order by a.id
for update of a

-- name: lock_of_device
-- Fires are locked by their scope first (lock_scope), here too: two orders would be a deadlock.
select a.*, d.code as device
from alarm a join device d on d.id = a.device_id
where a.device_id = any($1::integer[]) and a.state <> 'closed' and a.code <> 'fire'
order by a.id
for update of a

-- name: lock_one
select a.*, d.code as device
from alarm a left join device d on d.id = a.device_id
where a.id = $1
for update of a

-- name: claim_keys
-- Two transactions that open the same condition at once wait for each other here instead of failing at the index.
select pg_advisory_xact_lock(hashtextextended(key, 26875)) from unnest($1::text[]) as key order by key

-- name: add_scope
insert into fire_scope (scope) values ($1) on conflict do nothing

-- name: lock_scope
-- not least(): it would treat a window that is not set as one that never ends
select f.scope, f.evidence, f.test_until, s.id as site_id,
    case when s.test_window_until > '9000-01-01' then '9000-01-01' else s.test_window_until end as window_until,
    s.test_window_since as window_since,
    coalesce(nullif(s.name, ''), nullif(d.name, ''), d.code, f.scope) as name, coalesce(s.area, d.area) as area
from fire_scope f
left join site s on f.scope = 'site:' || s.id
left join device d on f.scope = 'device:' || d.id
where f.scope = $1
for update of f

-- name: insert_alarm
insert into alarm (
    id, subject, code, component, category, severity, state, confidence, verification, device_id, site_id, area, zone,
    value, limit_value, reason, reason_en, opened_at, acknowledged_at, acknowledged_by, cleared_at, closed_at,
    incident_id, shelved_until, shelved_by, shelve_reason, escalates_at, scope, due_at, drill, test_window, version,
    life, head, transitions, updated_at, component_key, late_min, since)
overriding system value
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
    $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39)

-- name: update_alarm
update alarm set
    severity = $2, state = $3, confidence = $4, verification = $5, zone = $6, value = $7, limit_value = $8,
    reason = $9, reason_en = $10, acknowledged_at = $11, acknowledged_by = $12, cleared_at = $13, closed_at = $14,
    incident_id = $15, shelved_until = $16, shelved_by = $17, shelve_reason = $18, escalates_at = $19, scope = $20,
    due_at = $21, test_window = $22, version = $23, life = $24, head = $25, transitions = $26, updated_at = $27,
    late_min = $28, since = $29, drill = $30
where id = $1

-- name: insert_transition
insert into alarm_transition (alarm_id, number, at, actor, act, outcome, from_state, to_state, detail, previous, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: insert_incident
insert into incident (id, kind, cause, title, title_en, area, site_id, opened_at, updated_at)
overriding system value
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
on conflict (id) do nothing

-- name: lock_incidents
-- A statement of its own: the next one sees what everybody who had an incident before has done to its other members.
select from incident where id = any($1::bigint[]) order by id for no key update

-- name: touch_incidents
update incident i set
    updated_at = $2::timestamptz,
    -- a note or a corrected verdict does not move the end of what is over
    closed_at = case when exists (select from alarm a where a.incident_id = i.id and a.state <> 'closed')
        then null else coalesce(i.closed_at, $2::timestamptz) end
where i.id = any($1::bigint[])

-- name: save_scope
update fire_scope set evidence = $2, test_until = $3, updated_at = $4 where scope = $1

-- name: add_timer
-- A step that was taken for an earlier occurrence is taken again, but not at every turn of one that flaps ($6); one that
-- is still ahead is not put off. What the step says now counts, should it have been changed meanwhile.
insert into alarm_timer as t (alarm_id, step, due_at, channels, until) values ($1, $2, $3, $4, $5)
on conflict (alarm_id, step) do update set
    due_at = case when t.done_at is null then least(t.due_at, excluded.due_at)
        else greatest(excluded.due_at, t.done_at + $6::interval) end,
    channels = excluded.channels, until = excluded.until, done_at = null, result = null

-- name: withdraw_calls
-- nobody is called any more about what is closed
update notice set state = 'withdrawn' where alarm_id = any($1::bigint[]) and channel <> 'desk' and state = 'waiting'

-- name: announce
select pg_notify('firetower_alarm', ''), pg_notify('firetower_notice', '')
