-- The gateway's own file: what came from panels and is not yet known to be stored, and what must survive a restart.

-- name: schema
create table if not exists record (
    id integer primary key,
    source text not null,              -- six address bytes in hex
    digest blob not null,              -- of the whole frame: the same bytes again are a retransmission
    role text not null,                -- holds a fire, ends one, both, or empty
    urgent integer not null,
    received_ms integer not null,
    settled_ms integer                 -- everything of it is stored; kept two more minutes to know a retransmission
);
create table if not exists message (
    record integer not null, position integer not null,
    topic text not null, payload blob not null, event_ids text not null,   -- none: telemetry
    primary key (record, position)
) without rowid;
create table if not exists heard (      -- frames of addresses that are still to be looked up
    id integer primary key, peer text not null, frame blob not null, received_ms integer not null
);
create table if not exists state (
    source text not null, key text not null, bits integer not null, arrival integer not null,
    primary key (source, key)
) without rowid;
create table if not exists counter (name text primary key, value integer not null) without rowid;
create table if not exists known_panel (
    address text primary key, code text not null, area text not null, profile text not null,
    registered integer not null
) without rowid;

-- name: add_record
insert or replace into record (id, source, digest, role, urgent, received_ms) values (?, ?, ?, ?, ?, ?);

-- name: add_message
insert or replace into message (record, position, topic, payload, event_ids) values (?, ?, ?, ?, ?);

-- name: set_state
insert into state (source, key, bits, arrival) values (?, ?, ?, ?)
on conflict (source, key) do update set bits = excluded.bits, arrival = excluded.arrival;

-- name: drop_state
delete from state where source = ? and key = ?;

-- name: set_counter
insert into counter (name, value) values (?, ?) on conflict (name) do update set value = excluded.value;

-- name: settle
update record set settled_ms = ? where id = ?;

-- name: drop_messages
delete from message where record = ?;

-- name: drop_settled
delete from record where settled_ms < ?;

-- name: drop_panels
delete from known_panel;

-- name: add_panel
insert or replace into known_panel (address, code, area, profile, registered) values (?, ?, ?, ?, ?);

-- name: records
select id, source, digest, role, urgent, received_ms, settled_ms from record order by id;

-- name: messages
select record, topic, payload, event_ids from message order by record, position;

-- name: states
select source, key, bits, arrival from state;

-- name: counters
select name, value from counter;

-- name: panels
select address, code, area, profile, registered from known_panel;

-- name: add_heard
insert or replace into heard (id, peer, frame, received_ms) values (?, ?, ?, ?);

-- name: drop_heard
delete from heard where id = ?;

-- name: heard
select id, peer, frame, received_ms from heard order by id;
