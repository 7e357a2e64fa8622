-- name: report
-- a session the broker should have known and did not is a loss; the very first connection of a lane is none
with before as (
    select * from ingest_lane where writer = $1
), lost as (
    select greatest(0, $6 - case when exists (select from before where connected_at is not null) then 0 else 1 end)
           as sessions
)
insert into ingest_lane as l (
    writer, lane, owner, connected, connected_at, sessions_lost, session_lost_at,
    oldest_unacked_s, slots_used, slots, broker_dropped, broker_dropped_raw, connections, connections_limit,
    broker, broker_counter, areas)
select $1, $2, $3::uuid, $4, case when $5 then clock_timestamp() end, lost.sessions,
       case when lost.sessions > 0 then clock_timestamp() end, $7, $8, $9, 0,
       coalesce($10::bigint, 0), $12::integer, $13::integer, $14, $10::bigint,
       $15::text[]
from lost
where exists (select from lease where name = $11 and owner = $3::uuid)
on conflict (writer) do update set
    owner = excluded.owner,
    connected = excluded.connected,
    connected_at = coalesce(excluded.connected_at, l.connected_at),
    sessions_lost = l.sessions_lost + excluded.sessions_lost,
    session_lost_at = coalesce(excluded.session_lost_at, l.session_lost_at),
    oldest_unacked_s = excluded.oldest_unacked_s,
    slots_used = excluded.slots_used,
    slots = excluded.slots,
    broker_dropped = l.broker_dropped + case
        -- what it dropped before it was first heard is nobody's news
        when $10::bigint is null or l.broker_counter is null or l.broker <> $14 then 0
        when $10::bigint >= l.broker_counter then $10::bigint - l.broker_counter
        else $10::bigint end,   -- the broker began anew
    broker_counter = case when l.broker <> $14 then $10::bigint else coalesce($10::bigint, l.broker_counter) end,
    broker_offset = case when l.broker <> $14 then null else l.broker_offset end,
    broker_dropped_raw = coalesce($10::bigint, l.broker_dropped_raw),
    broker = excluded.broker,
    areas = excluded.areas,
    connections = excluded.connections,
    connections_limit = excluded.connections_limit,
    updated_at = clock_timestamp()
returning broker_dropped, (select sessions from lost) as lost,
          extract(epoch from clock_timestamp() - watermark)::double precision as watermark_age_s
