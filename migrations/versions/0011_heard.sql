-- Devices that send without being heard: a clock behind by a constant, messages that are all refused.

alter table device_state
    -- what the newest messages show about the device's clock, null while it is right:
    -- {"behind_us": how far it is behind, or null, "late": [[ts_us, received_us, fields], …] of the newest late messages}
    add column clock jsonb,
    add column clock_behind_s double precision
        generated always as ((clock ->> 'behind_us')::bigint / 1e6::double precision) stored,
    -- messages refused since the newest accepted one: how many, since when, why the newest
    add column refused integer not null default 0,
    add column refused_since timestamptz,
    add column refused_reason text,
    add column unreadable_since timestamptz,    -- set by alerts with device_unreadable, ended by ingest
    -- online as people understand it: heard, with something usable
    add column is_online boolean
        generated always as (last_seen is not null and online and unreadable_since is null) stored;
create index device_state_unreadable_since on device_state (unreadable_since) where unreadable_since is not null;
