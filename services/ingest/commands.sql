-- name: queued
-- The gateway sends those of its own links (devices with a gateway address). With several brokers a device hears only
-- the one that it talks to, so the area in its topic decides, not the one that a person gave it; the catch-all leaves
-- to a named partition what that one sends: its lane says its areas, its name has but four of them.
select c.id, c.command, c.arguments, c.created_at, c.answer_by, clock_timestamp() as now, d.code, at.base
from command c
join device d on d.id = c.device_id
left join device_state s on s.device_id = d.id
cross join lateral (select coalesce(s.last_topic, 'fire/v1/' || d.area || '/' || d.kind || '/' || d.code) as base) at
where c.state = 'queued' and d.gateway_address is null
  and case when cardinality($1::text[]) > 0 then split_part(at.base, '/', 3) = any($1::text[])
      else not exists (
          select from lease l
          left join ingest_lane i on l.name = 'ingest:' || i.writer
          where l.name like 'ingest:%/event' and l.expires_at > clock_timestamp()
            and split_part(at.base, '/', 3)
                = any(coalesce(i.areas, string_to_array(substring(l.name from 'ingest:(.*)/event'), '-')))
      ) end
order by c.created_at
limit 100

-- name: sent
-- its answer may have come first
update command set
    state = case when state = 'queued' then 'sent' else state end,
    sent_at = coalesce(sent_at, clock_timestamp()),
    answer_by = coalesce(answer_by, clock_timestamp() + make_interval(mins => $2))
where id = $1 and (state = 'queued' or state in ('replied', 'late') and sent_at is null)

-- name: failed
update command set state = 'failed', error = $2 where id = $1 and state = 'queued'

-- name: unanswered
update command set state = 'unanswered' where state = 'sent' and answer_by < clock_timestamp()
