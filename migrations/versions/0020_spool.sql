-- One sender's flood beyond the window of its lane: messages as they came, acknowledged to the broker and not decoded
-- yet. A row is a block of one sender's messages; it is deleted with the commit that stores the last of it.
create table spool (
    writer text not null,               -- the lane, as in ingest_batch
    number bigint not null,
    sender text not null,               -- the device of the topic
    topics text[] not null,
    payloads bytea[] not null,
    retained boolean[] not null,
    received_us bigint[] not null,      -- Unix microseconds
    bytes integer not null,             -- of all payloads
    primary key (writer, number)
);
alter table spool alter column payloads set storage external;  -- compressing them would cost more than it saves
