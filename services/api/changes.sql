-- name: newest_batches
select l.writer, coalesce((select max(b.number) from ingest_batch b where b.writer = l.writer), 0) as number
from ingest_lane l

-- name: new_batches
-- every writer's own numbers are consecutive and committed in order: nothing is skipped
select b.id, b.writer, b.number, b.committed_at, b.min_ts, b.max_ts, b.hydrant, b.electrical, b.water, b.panel, b.events,
       b.seen
from ingest_lane l
left join unnest(cast(:writers as text[]), cast(:numbers as bigint[])) as c (writer, number) on c.writer = l.writer
cross join lateral (
    select * from ingest_batch b
    where b.writer = l.writer and b.number > coalesce(c.number, 0)
    order by b.number
    limit :most
) b

-- name: devices_touched
-- changed by a person, gone silent, speaking nothing usable, or back in service because the time ran out
select id from device where updated_at > :since
union
select device_id from device_state where offline_since > :since
union
select device_id from device_state where unreadable_since > :since
union
select id from device where out_of_service_until > :since and out_of_service_until <= :now
limit 2000
