-- name: events
-- Message by message as they came, as over two batches; those of one message by time, number, and place in its list.
-- Resets overtake what else waits, in ingest and on the way from a township. `reset_first` says that one did, which came
-- or was sent after this condition and stands in an earlier batch; `reset_ts` is the time of the newest of those batches.
select e.device_id, e.batch_id, e.ts, e.received_at, e.type, e.active, e.component, e.zone, e.system_type,
    e.component_type, e.description, e.event_id, e.seq, e.device_ts, e.digest, s.clock_behind_s,
    coalesce(resets.overtook, false) as reset_first, resets.ts as reset_ts
from event e left join device_state s using (device_id)
left join lateral (
    select max(r.ts) as ts,
        bool_or((r.received_at, r.ts, coalesce(r.seq, 0), coalesce(r.place, 0))
                > (e.received_at, e.ts, coalesce(e.seq, 0), coalesce(e.place, 0))
            or (r.ts >= e.ts and r.seq > e.seq)) as overtook
    from (
        select ts, seq, received_at, batch_id, component, place from event
        where device_id = e.device_id and type = 'reset' and ts >= e.ts and ts >= $2
        order by ts desc limit 100) r
    where r.batch_id < e.batch_id and r.component in ('', e.component)
) resets on not $5 and e.active
where e.batch_id = any($1::bigint[]) and e.ts between $2 and $3 and (e.type = any($4::text[])) = $5
order by e.batch_id, e.received_at, e.ts, e.seq, e.place

-- name: event_again
select e.device_id, e.batch_id, e.ts, e.received_at, e.type, e.active, e.component, e.zone, e.system_type,
    e.component_type, e.description, e.event_id, e.seq, e.device_ts, e.digest, s.clock_behind_s,
    false as reset_first, null::timestamptz as reset_ts
from event e left join device_state s using (device_id)
where e.batch_id = $1 and e.ts = $2 and e.digest = decode($3, 'hex')
