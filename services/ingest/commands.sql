-- name: queued
-- the gateway sends those of its own links (devices with a gateway address)
select c.id, c.command, c.arguments, c.answer_by, d.code,
       coalesce(s.last_topic, 'fire/v1/' || d.area || '/' || d.kind || '/' || d.code) as base
from command c
join device d on d.id = c.device_id
left join device_state s on s.device_id = d.id
where c.state = 'queued' and d.gateway_address is null
  and (cardinality($1::text[]) = 0 or d.area = any($1::text[]))
order by c.created_at
limit 100

-- name: sent
update command set
    state = 'sent', sent_at = clock_timestamp(),
    answer_by = coalesce(answer_by, clock_timestamp() + make_interval(mins => $2))
where id = $1 and state = 'queued'

-- name: failed
update command set state = 'failed', error = $2 where id = $1 and state = 'queued'

-- name: unanswered
update command set state = 'unanswered' where state = 'sent' and answer_by < clock_timestamp()
