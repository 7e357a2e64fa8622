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
