-- What ingest writes about itself: the numbered log that alerts reads, ownership, health, rejects, commands.

-- Ingest handles times as microseconds since 1970.
create function from_us(us bigint) returns timestamptz language sql stable parallel safe as $$
    select timestamptz 'epoch' + us * interval '1 microsecond'
$$;

-- Whether a reading is newer than the newest one we have: ts, received_at, seq decide.
create function newer(old device_state, ts_us bigint, received_us bigint, seq bigint) returns boolean
language sql stable parallel safe as $$
    select ts_us is not null
        and (old.ts is null or (from_us(ts_us), from_us(received_us), seq) >= (old.ts, old.received_at, old.seq))
$$;

-- Ownership of one lane of a partition or of a role: 'ingest:<partition>/<lane>', 'alerts'. The database clock decides.
create table lease (
    name text primary key,
    owner uuid not null,
    expires_at timestamptz not null,
    taken_at timestamptz not null default now(),
    token text not null default replace(gen_random_uuid()::text, '-', '')   -- end of the MQTT client id of all owners
);

-- One row per committed batch. Every lane of every ingest partition is one writer ('<partition>/event',
-- '<partition>/telemetry') whose numbers are consecutive and committed in order.
create table ingest_batch (
    id bigint generated always as identity,
    writer text not null,
    number bigint not null,
    owner uuid not null,
    lane text not null check (lane in ('event', 'telemetry')),
    committed_at timestamptz not null default clock_timestamp(),
    first_received_at timestamptz,
    min_ts timestamptz,                 -- span of ts of the rows of this batch: lets a reader touch few chunks
    max_ts timestamptz,
    hydrant integer not null default 0,
    electrical integer not null default 0,
    water integer not null default 0,
    panel integer not null default 0,
    events integer not null default 0,
    rejects integer not null default 0,
    duplicates integer not null default 0,
    seen integer[] not null default '{}',   -- devices heard in this batch by rejected or duplicate messages only
    primary key (writer, number),
    unique (id)
);
create index ingest_batch_committed on ingest_batch (committed_at);

-- One row per writer: the watermark and the health that people see.
create table ingest_lane (
    writer text primary key,
    lane text not null,
    owner uuid not null,
    connected boolean not null default false,
    connected_at timestamptz,
    sessions_lost bigint not null default 0,
    session_lost_at timestamptz,
    watermark timestamptz,              -- send time of the newest own probe that came back and was committed
    watermark_gap_at timestamptz,       -- end of the last gap over 10 s: every device has a fresh grace from here
    oldest_unacked_s double precision not null default 0,
    slots_used integer not null default 0,
    slots integer not null default 0,
    broker_dropped bigint not null default 0,       -- messages the broker dropped, over all its starts
    broker_dropped_raw bigint not null default 0,   -- its counter as last seen; it starts at 0 with the broker
    updated_at timestamptz not null default now()
);

create table reject (
    id bigint generated always as identity primary key,
    received_at timestamptz not null,
    batch_id bigint not null,
    topic text not null,
    payload bytea not null,             -- the element as received (the whole message where it could not be split)
    reason text not null,               -- a code, for a bad field "bad_field: <name>"
    detail text not null,               -- what is wrong and how to correct it, for a person
    element integer,                    -- index in the array, null for the whole message
    device_id integer references device,
    stored boolean not null default false,      -- true: the element was stored without the bad field
    replay_requested_at timestamptz,
    replay_requested_by text,
    replayed_at timestamptz,
    replay_result text
);
create index reject_received on reject (received_at desc, id desc);
create index reject_device on reject (device_id, received_at desc) where device_id is not null;
create index reject_replay on reject (id) where replay_requested_at is not null and replayed_at is null;

-- Commands to devices: the API writes, ingest publishes those of MQTT devices, the gateway those of its links.
create table command (
    id uuid primary key default gen_random_uuid(),
    device_id integer not null references device,
    command text not null,
    arguments jsonb not null default '{}',
    state text not null default 'queued' check (state in ('queued', 'sent', 'replied', 'late', 'unanswered', 'failed')),
    created_by text not null,
    created_at timestamptz not null default now(),
    answer_by timestamptz,
    sent_at timestamptz,
    replied_at timestamptz,
    reply jsonb,
    error text
);
create index command_queued on command (created_at) where state = 'queued';
create index command_device on command (device_id, created_at desc);
