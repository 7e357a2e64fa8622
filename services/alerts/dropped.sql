-- name: counters
-- Lanes of one broker hear of its counter within seconds of each other; one that has stopped hears of it no more.
-- With what was told of it before and when it rose last: null, it was never heard of.
select h.broker, h.counter, d.told, d.rose_at
from (
    select broker, max(broker_counter) as counter from ingest_lane
    where broker is not null and broker_counter is not null
        and updated_at > (select max(updated_at) from ingest_lane) - interval '10 seconds'
    group by broker) h
left join broker_drops d using (broker)

-- name: standing
-- How many messages the standing alarm tells of.
select value from alarm where subject = 'system' and code = $1 and state <> 'closed'

-- name: keep
insert into broker_drops (broker, told, rose_at) select * from unnest($1::text[], $2::bigint[], $3::timestamptz[])
on conflict (broker) do update set told = excluded.told, rose_at = excluded.rose_at
