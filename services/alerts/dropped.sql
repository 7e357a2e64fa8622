-- name: told
-- How many messages the standing alarm tells of.
select value from alarm where subject = 'system' and code = $1 and state <> 'closed'

-- name: seen
-- A lane that alerts sees for the first time has only its count noted, not the time.
update ingest_lane l set broker_dropped_told = n.dropped,
    broker_dropped_at = case when l.broker_dropped_told is null then l.broker_dropped_at else $3 end
from unnest($1::text[], $2::bigint[]) as n (writer, dropped) where l.writer = n.writer
