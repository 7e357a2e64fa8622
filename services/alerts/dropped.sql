-- name: dropped_before
-- The counters as last seen and when they last rose, and how many the standing alarm tells of.
select c.number as known, c.updated_at as since, a.value as told
from (select $1::text as name) n
left join feed_cursor c on c.writer = n.name
left join alarm a on a.subject = 'system' and a.code = $2 and a.state <> 'closed'

-- name: keep_dropped
insert into feed_cursor (writer, number, updated_at) values ($1, $2, $3)
on conflict (writer) do update set number = excluded.number, updated_at = excluded.updated_at
