-- name: drop_chunks
select drop_chunks($1::text::regclass, older_than => make_interval(days => $2))

-- name: prune_event_keys
-- an event's time lies at most 30 days before its receive time, so its chunk is gone by then
delete from event_key where ctid in (
    select ctid from event_key where received_at < now() - make_interval(days => $1 + 31) limit $2
)

-- name: prune_rejects
delete from reject where id in (
    select id from reject where received_at < now() - make_interval(days => $1) limit $2
)

-- name: prune_batches
-- behind every reader, and never the newest of a writer: its number is where the log goes on. A relay that is behind, or
-- away, keeps its log as long as the rows that it would carry are kept.
delete from ingest_batch where id in (
    select b.id from ingest_batch b
    join feed_cursor c on c.writer = b.writer and b.number <= c.number
    where b.committed_at < now() - interval '32 days'  -- as far as `/slo` and the report of the month before reach
      and not exists (  -- of what else reads it: fires ahead of the rest, a relay
          select from feed_cursor m
          where starts_with(m.writer, b.writer || ' ') and m.number < b.number
            and not (starts_with(m.writer, b.writer || ' relay ')
                     and b.committed_at < now() - make_interval(days => $1)))
      and b.number < (select max(number) from ingest_batch n where n.writer = b.writer)
    limit $2
)
