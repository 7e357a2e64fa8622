-- name: events
-- Message by message as they came, as over two batches; those of one message by time, number, and place in its list.
select e.device_id, e.batch_id, e.ts, e.received_at, e.type, e.active, e.component, e.zone, e.system_type,
    e.component_type, e.description, e.event_id, e.seq, e.device_ts, e.digest, s.clock_behind_s
from event e left join device_state s using (device_id)
where e.batch_id = any($1::bigint[]) and e.ts between $2 and $3 and (e.type = any($4::text[])) = $5
order by e.batch_id, e.received_at, e.ts, e.seq, e.place

-- name: event_again
select e.device_id, e.batch_id, e.ts, e.received_at, e.type, e.active, e.component, e.zone, e.system_type,
    e.component_type, e.description, e.event_id, e.seq, e.device_ts, e.digest, s.clock_behind_s
from event e left join device_state s using (device_id)
where e.batch_id = $1 and e.ts = $2 and e.digest = decode($3, 'hex')
