-- name: implausible_clocks
-- When these devices ($1) showed clocks that ingest did not believe ($2 to $3): refused readings, and events whose time
-- it replaced.
select device_id, received_at from reject
where device_id = any($1::integer[]) and reason = 'clock_implausible' and received_at >= $2::timestamptz and received_at < $3::timestamptz
union all
select device_id, received_at from event
where device_id = any($1::integer[]) and device_ts is not null
    and ts >= $2::timestamptz - interval '30 days' and ts <= $3::timestamptz + interval '5 minutes'
    and received_at >= $2 and received_at < $3
order by device_id, received_at

-- name: until_now
select least($1::timestamptz, clock_timestamp())
