-- name: events
-- Message by message as they came, as over two batches; those of one message by time, number, and place in its list.
-- Resets overtake what else waits, in ingest and on the way from a township. Of those in earlier batches than a
-- condition: whether each came after it, and whether its number is higher by as much as one count goes on ($6).
select e.device_id, e.batch_id, e.ts, e.received_at, e.type, e.active, e.component, e.zone, e.system_type,
    e.component_type, e.description, e.event_id, e.seq, e.device_ts, e.digest, s.clock_behind_s,
    resets.ts as reset_ts, resets.received_at as reset_received_at, resets.component as reset_component,
    resets.came_after as reset_came_after, resets.counts_on as reset_counts_on
from event e left join device_state s using (device_id)
left join lateral (
    select array_agg(r.ts) as ts, array_agg(r.received_at) as received_at, array_agg(r.component) as component,
        array_agg((r.received_at, r.ts, coalesce(r.seq, 0), coalesce(r.place, 0))
                  > (e.received_at, e.ts, coalesce(e.seq, 0), coalesce(e.place, 0))) as came_after,
        array_agg(coalesce(r.seq - e.seq between 1 and least($6, e.seq), false)) as counts_on
    from (
        select ts, seq, received_at, batch_id, component, place from event
        where device_id = e.device_id and type = 'reset' and ts >= e.ts and ts >= $2
        order by ts desc limit 100) r
    where r.batch_id < e.batch_id
) resets on not $5 and e.active
where e.batch_id = any($1::bigint[]) and e.ts between $2 and $3 and (e.type = any($4::text[])) = $5
order by e.batch_id, e.received_at, e.ts, e.seq, e.place

-- name: event_again
select e.device_id, e.batch_id, e.ts, e.received_at, e.type, e.active, e.component, e.zone, e.system_type,
    e.component_type, e.description, e.event_id, e.seq, e.device_ts, e.digest, s.clock_behind_s,
    null::timestamptz[] as reset_ts
from event e left join device_state s using (device_id)
where e.batch_id = $1 and e.ts = $2 and e.digest = decode($3, 'hex')
