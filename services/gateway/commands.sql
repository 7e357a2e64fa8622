-- name: queued
select c.id, d.code, c.command, c.arguments, c.created_at, c.answer_by, clock_timestamp() as now
from command c join device d on d.id = c.device_id
where c.state = 'queued' and d.gateway_address is not null
order by c.created_at
limit 100

-- name: sent
-- its answer may have come first
update command set
    state = case when state in ('replied', 'late') then state else 'sent' end,
    sent_at = $2, answer_by = least(answer_by, $3)
where id = $1 and (state in ('queued', 'sent') or state in ('replied', 'late') and sent_at is null)

-- name: confirmed
update command set reply = coalesce(reply, '{}') || jsonb_build_object('confirmed_at', $2::text)
where id = $1 and state = 'sent'

-- name: unconfirmed
update command set reply = coalesce(reply, '{}') || jsonb_build_object('not_confirmed', $2::text)
where id = $1 and state = 'sent'

-- name: replied
update command set state = 'replied', replied_at = $2, reply = coalesce(reply, '{}') || $3 where id = $1

-- name: not_sent
update command set state = 'failed', error = $2 where id = $1 and state = 'queued'

-- name: failed
update command set state = 'failed', error = $2 where id = $1 and state in ('queued', 'sent')
