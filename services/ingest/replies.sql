-- name: asked
select id, device_id from command where id = any($1::uuid[])

-- name: reply_by_id
update command set
    state = case when answer_by is not null and $3 > answer_by then 'late' else 'replied' end,
    replied_at = $3, reply = $4
where id = $1 and device_id = $2 and replied_at is null

-- name: reply_of_guard
-- A guard's button names no command: it answers the newest open check of that device. One may be answered before our
-- side has noted that it was sent, but only while that may be under way (made after $5): an older one is still to be
-- sent. And a key that was pressed before it was made ($4; a minute is for the device's clock) did not answer it, nor
-- one pressed while an older one was still to be answered.
update command set
    state = case when answer_by is not null and $2 > answer_by then 'late' else 'replied' end,
    replied_at = $2, reply = coalesce(reply, '{}') || $3      -- beside when the device confirmed the check
where id = (
    select c.id from command c
    where c.device_id = $1 and c.command = 'guard_check' and c.replied_at is null
      and (c.state in ('sent', 'unanswered')
           or c.state = 'queued' and c.created_at between $5 and $4::timestamptz + interval '1 minute')
    order by c.state = 'queued' and exists (
        select from command o
        where o.device_id = $1 and o.command = 'guard_check' and o.replied_at is null
          and o.state in ('sent', 'unanswered') and o.answer_by > c.created_at
    ), c.created_at desc limit 1
)
