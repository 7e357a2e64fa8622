-- Which broker's counter a lane reads, how much of it alerts has told of, and when it saw it rise. Null: not said yet.
alter table ingest_lane
    add column broker text,
    add column broker_dropped_told bigint,
    add column broker_dropped_at timestamptz;
delete from feed_cursor where writer = 'broker_dropped';
