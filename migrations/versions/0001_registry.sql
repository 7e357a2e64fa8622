-- The registry: areas, sites, devices and the newest state of each device.

create extension if not exists timescaledb;

-- GB/T 2260 codes and the codes below them; townships of Baode county (140931). Ingest adds a code that a device uses
-- and nobody registered, with the code as its name.
create table area (
    code text primary key check (code ~ '^[0-9]{6,12}$'),
    name text not null,
    parent text references area,
    lon double precision check (lon between -180 and 180),
    lat double precision check (lat between -90 and 90),
    position_approximate boolean not null default true
);

insert into area (code, name, parent, lon, lat) values
    ('140931', '保德县', null, 111.09, 39.02),
    ('140931100', '东关镇', '140931', 111.094, 39.018),
    ('140931101', '义门镇', '140931', 111.120, 38.985),
    ('140931102', '桥头镇', '140931', 111.190, 38.925),
    ('140931103', '杨家湾镇', '140931', 111.035, 38.965),
    ('140931104', '孙家沟镇', '140931', 111.250, 38.985),
    ('140931200', '腰庄乡', '140931', 111.185, 39.030),
    ('140931201', '韩家川乡', '140931', 111.015, 38.905),
    ('140931202', '林遮峪乡', '140931', 110.985, 38.830),
    ('140931203', '冯家川乡', '140931', 110.970, 38.755),
    ('140931204', '土崖塔乡', '140931', 111.130, 38.840),
    ('140931208', '南河沟乡', '140931', 111.250, 38.840);

create table site (
    id bigint generated always as identity primary key,
    name text not null,
    area text not null references area,
    address text not null default '',
    lon double precision check (lon between -180 and 180),
    lat double precision check (lat between -90 and 90),
    contacts jsonb not null default '[]',          -- [{"name", "role", "phone"}]
    access_note text not null default '',
    test_window_until timestamptz,
    test_window_reason text,
    test_window_by text,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table device (
    id integer generated always as identity primary key,
    code text not null unique check (code ~ '^[A-Za-z0-9_-]{1,64}$'),
    kind text not null check (kind in ('hydrant', 'electrical', 'water', 'panel')),
    area text not null references area,
    name text not null default '',
    site_id bigint references site,
    form text check (form in ('aboveground', 'underground', 'crane', 'pool', 'tank', 'natural')),
    lon double precision check (lon between -180 and 180),     -- WGS 84
    lat double precision check (lat between -90 and 90),
    source_datum text check (source_datum in ('wgs84', 'cgcs2000', 'gcj02', 'bd09')),
    address text not null default '',
    owner text not null default '',
    maintainer text not null default '',
    expected_interval_s integer not null default 300 check (expected_interval_s between 1 and 604800),
    sleepy boolean not null default false,
    rated_current_a double precision check (rated_current_a > 0),
    limits jsonb not null default '{}',                         -- {"level_pct_low": 30, …}
    gateway text,                                               -- code of the device it reports through
    gateway_address text unique check (gateway_address ~ '^[0-9a-f]{12}$'),
    gateway_profile text,
    attributes jsonb not null default '{}',                     -- vendor, model, pipe bore, 119 ledger items …
    registered boolean not null default false,                  -- false: discovered by ingest, not confirmed yet
    area_fixed boolean not null default false,                  -- a person set it: the registry wins over the topic
    kind_fixed boolean not null default false,
    out_of_service_until timestamptz,
    out_of_service_reason text,
    out_of_service_by text,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check ((lon is null) = (lat is null))
);

create index device_area on device (area, kind);
create index device_site on device (site_id) where site_id is not null;
create index device_gateway on device (gateway) where gateway is not null;
create index device_place on device (lon, lat) where lon is not null;

-- Ingest keeps the registry in memory; a person's change reaches it within milliseconds.
create function device_changed() returns trigger language plpgsql as $$
begin
    new.updated_at := clock_timestamp();
    perform pg_notify('firetower_registry', '');
    return new;
end
$$;
create trigger device_changed before insert or update on device
    for each row when (new.registered or new.area_fixed or new.kind_fixed) execute function device_changed();

-- One row per device. state: {field: {"value": v, "at": [ts_ms, received_ms, seq]}}, newest value of each field;
-- `at` is the merge order, its first element the device's time, or the receive time when the device's lies ahead of it.
create table device_state (
    device_id integer primary key references device,
    state jsonb not null default '{}',
    ts timestamptz,                     -- merge order of the newest reading: ts, received_at, seq
    received_at timestamptz,
    seq bigint,
    last_seen timestamptz,              -- receive time of the newest live message, stored or rejected
    last_topic text,                    -- fire/v1/{area}/{kind}/{device} last used: down/… is sent there
    online boolean not null default true,       -- false is written by alerts, true by ingest
    offline_since timestamptz,
    connected boolean,                  -- the device's own status message: a hint
    connected_at timestamptz,
    telemetry_seq bigint,               -- sequence accounting of each channel
    telemetry_ts timestamptz,
    telemetry_missing bigint not null default 0,    -- sequence numbers not seen yet; late ones fill them
    event_seq bigint,
    event_ts timestamptz,
    event_missing bigint not null default 0
) with (fillfactor = 50);               -- and no index on columns that change: updates stay in place (HOT)

-- Merge by field: the greater `at` wins. Only for a reading that is not the device's newest; otherwise `||` is enough.
create function merge_state(old jsonb, new jsonb) returns jsonb
language sql immutable parallel safe as $$
    select coalesce(jsonb_object_agg(
        coalesce(o.key, n.key),
        case when o.value is null or (n.value is not null and n.value -> 'at' >= o.value -> 'at')
             then n.value else o.value end), '{}')
    from jsonb_each(old) o full join jsonb_each(new) n on n.key = o.key
$$;

-- Loss accounting per device and hour; the last 24 h and the sum are shown as `quality`. A late reading that fills a
-- gap counts -1 in the hour it arrives: read sums, never below 0.
create table device_quality (
    device_id integer not null references device,
    hour timestamptz not null,
    stored bigint not null default 0,
    gaps bigint not null default 0,
    restarts bigint not null default 0,
    duplicates bigint not null default 0,
    late bigint not null default 0,
    rejects bigint not null default 0,
    primary key (device_id, hour)
) with (fillfactor = 50);
