-- Which broker a lane hears, and what that broker's counter of dropped messages says; null: not heard in this session.
alter table ingest_lane add column broker text, add column broker_counter bigint;

-- How far alerts has told of each broker's counter, and when it rose last.
create table broker_drops (
    broker text primary key,
    told bigint not null,
    rose_at timestamptz
);
delete from feed_cursor where writer = 'broker_dropped';
