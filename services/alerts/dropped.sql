-- name: lanes
-- What each lane counted, with what was told of its broker and when that rose last; null: nothing was ever.
select l.writer, l.broker, l.broker_dropped as dropped, l.broker_offset as ahead, d.told, d.rose_at
from ingest_lane l left join broker_drops d using (broker)
where l.broker is not null

-- name: standing
-- How many messages the standing alarm tells of.
select value from alarm where subject = 'system' and code = $1 and state <> 'closed'

-- name: keep
insert into broker_drops (broker, told, rose_at) select * from unnest($1::text[], $2::bigint[], $3::timestamptz[])
on conflict (broker) do update set told = excluded.told, rose_at = excluded.rose_at

-- name: set_ahead
update ingest_lane l set broker_offset = n.ahead
from unnest($1::text[], $2::text[], $3::bigint[]) as n (writer, broker, ahead)
where l.writer = n.writer and l.broker = n.broker
