-- Which broker a lane hears, what that broker's counter of dropped messages said last (null: never heard), and what is added
-- to the drops that this lane counted to have the broker's: alerts sets it when it sees the lane for the first time.
alter table ingest_lane add column broker text, add column broker_counter bigint, add column broker_offset bigint;
update ingest_lane set broker_counter = broker_dropped_raw where lane = 'telemetry'; -- the one that hears of it

-- How many drops of each broker alerts has told of, and when they rose last. What the release before kept for that stays
-- where it is, because it may run until the last program is exchanged.
create table broker_drops (
    broker text primary key,
    told bigint not null,
    rose_at timestamptz
);
