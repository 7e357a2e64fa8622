-- Townships that run a system of their own and are joined to this one, the county's (contract 10); and, in a township,
-- what its relay needs.

create table township (
    name text primary key check (name ~ '^[A-Za-z0-9_-]{1,48}$'),
    areas text[] not null,              -- exact codes: what its account may publish
    api_key_id bigint not null unique references api_key,
    created_by text not null,
    created_at timestamptz not null,
    last_heard timestamptz,             -- of its relay; by our clock, as all that follows
    version text,                       -- of its system
    backlog_rows bigint,                -- stored there and not yet here
    backlog_s double precision,
    heard_until timestamptz,            -- silence of its devices up to here is real: it heard them, and we have it all
    heard_since timestamptz             -- and without a gap from here on
);

-- The identity of an event holds ts, type, active and component as they were sent (contract 3): what the columns
-- cannot give back, so that a relay sends the same event. null: stored by an earlier release.
alter table event add column sent jsonb;

-- A township: there is a relay. What people say is kept for it from then on.
create table relay_link (
    only_one boolean primary key default true check (only_one),
    areas text[] not null,
    since timestamptz not null default now()
);

-- Acknowledgements and verdicts that go from one system to the other.
create table carried_act (
    id bigint generated always as identity primary key,
    act_id uuid not null unique default gen_random_uuid(),
    alarm_id bigint references alarm on delete cascade,     -- null: it came from the other side and fits no alarm
    act text not null check (act in ('acknowledge', 'verify')),
    outcome text check (outcome in ('real', 'false', 'test')),
    actor text not null,
    note text not null default '',
    at timestamptz not null,
    origin text,                        -- null: said here; else the township, or `county`
    result text check (result in ('applied', 'stands', 'no_alarm')),    -- null: the other side has not answered
    answer jsonb,                       -- what stands there
    carried_at timestamptz
);
create index carried_act_waiting on carried_act (id) where result is null;
create index carried_act_alarm on carried_act (alarm_id);
