-- name: asked
select id, device_id from command where id = any($1::uuid[])

-- name: reply_by_id
update command set
    state = case when answer_by is not null and $3 > answer_by then 'late' else 'replied' end,
    replied_at = $3, reply = $4
where id = $1 and device_id = $2 and replied_at is null

-- name: reply_of_guard
-- A guard's button names no command: it answers the newest open check of that device. One may be answered before our
-- side has noted that it was sent.
update command set
    state = case when answer_by is not null and $2 > answer_by then 'late' else 'replied' end,
    replied_at = $2, reply = coalesce(reply, '{}') || $3      -- beside when the device confirmed the check
where id = (
    select id from command
    where device_id = $1 and command = 'guard_check' and state in ('queued', 'sent', 'unanswered') and replied_at is null
    order by created_at desc limit 1
)
