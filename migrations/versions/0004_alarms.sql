-- Alarms, their evidence, and the notices to deliver.

create table incident (
    id bigint generated always as identity primary key,
    kind text not null,                 -- fire, mains, silence, single …
    cause text not null default '',     -- site:12, area:140931100, gateway:utd-7 …
    title text not null default '',
    title_en text not null default '',
    area text,
    site_id bigint references site,
    opened_at timestamptz not null,
    updated_at timestamptz not null default now(),
    closed_at timestamptz,
    confirmed_notice uuid,              -- the one fire.confirmed of this incident
    desk_incident_id text
);
create unique index incident_open on incident (kind, cause) where closed_at is null;

create table alarm (
    id bigint generated always as identity primary key,
    subject text not null,              -- device:12, area:140931100 or system
    code text not null,
    component text not null default '',
    category text not null check (category in ('fire', 'water', 'electrical', 'device', 'system')),
    severity text not null check (severity in ('critical', 'major', 'minor', 'info')),
    state text not null check (state in ('unacknowledged', 'acknowledged', 'returned', 'closed')),
    confidence text check (confidence in ('suspected', 'probable', 'confirmed')),
    verification text not null default 'none' check (verification in ('none', 'pending', 'real', 'false', 'test')),
    device_id integer references device,
    site_id bigint references site,
    area text,
    zone text not null default '',
    value double precision,
    limit_value double precision,
    reason text not null,               -- zh, for the duty officer
    reason_en text not null,
    opened_at timestamptz not null,
    acknowledged_at timestamptz,
    acknowledged_by text,
    cleared_at timestamptz,             -- the condition is over
    closed_at timestamptz,
    incident_id bigint references incident,
    shelved_until timestamptz,
    shelved_by text,
    shelve_reason text,
    escalates_at timestamptz,
    scope text,                         -- fires: the site (site:12) or lone device (device:7) judged together
    due_at timestamptz,                 -- when the life cycle needs its next tick
    drill boolean not null default false,
    test_window boolean not null default false,
    version integer not null default 1,
    life jsonb not null default '{}',   -- the life cycle's memory beside these columns
    head bytea,                         -- hash of the newest transition
    transitions integer not null default 0,
    updated_at timestamptz not null default now()
);
-- one condition, one alarm
create unique index alarm_one_open on alarm (subject, code, component) where state <> 'closed';
create index alarm_open on alarm (severity, opened_at) where state <> 'closed';
create index alarm_newest on alarm (opened_at desc, id desc);
create index alarm_device on alarm (device_id, opened_at desc);
create index alarm_site on alarm (site_id, opened_at desc) where site_id is not null;
create index alarm_incident on alarm (incident_id) where incident_id is not null;
create index alarm_due on alarm (due_at) where due_at is not null and state <> 'closed';
create index alarm_scope on alarm (scope) where scope is not null and state <> 'closed';
create index alarm_changed on alarm (updated_at);

-- The fires of one site (or of a device without one) are judged together: this row is their lock and holds the reports
-- of the last minutes that bear on their confidence.
create table fire_scope (
    scope text primary key,
    evidence jsonb not null default '[]',
    test_until timestamptz,             -- the test window as the life cycle knows it
    updated_at timestamptz not null default now()
);

-- Steps of the escalation policy that are still ahead for an open alarm: who is called when.
create table alarm_timer (
    alarm_id bigint not null references alarm on delete cascade,
    step integer not null,
    due_at timestamptz not null,
    channels text[] not null,           -- channels and the answer that ends it: data of the policy
    until text not null,
    done_at timestamptz,
    result text,                        -- called, skipped: why
    primary key (alarm_id, step)
);
create index alarm_timer_due on alarm_timer (due_at) where done_at is null;

-- Every transition, in a hash chain per alarm.
create table alarm_transition (
    alarm_id bigint not null references alarm,
    number integer not null,
    at timestamptz not null,
    actor text not null,                -- rule:<code>, event, clock, user:<name>, key:<name>
    act text not null,                  -- raise, repeat, acknowledge, verify, clear …
    outcome text not null,
    from_state text,
    to_state text not null,
    detail jsonb not null default '{}',
    previous bytea not null,
    hash bytea not null,
    primary key (alarm_id, number)
);

-- Signed statement over all chain heads at a time, so that a removed tail is detected.
create table alarm_anchor (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    chains bigint not null,
    heads bytea not null,
    detail jsonb not null default '{}',
    previous bytea not null,
    signature bytea not null
);

create table notice (
    id uuid primary key,
    alarm_id bigint not null references alarm,
    incident_id bigint references incident,
    number integer not null,            -- order within the alarm and channel
    channel text not null default 'desk',       -- desk, or contact:<id>
    type text not null,
    fire boolean not null default false,
    overtakes text[] not null default '{}',     -- types of older notices of the alarm that it does not wait for
    target jsonb,                       -- a contact's address and template, fixed with the body; null for the desk
    body bytea not null,                -- fixed when the notice is made
    state text not null default 'waiting'
        check (state in ('waiting', 'held', 'delivered', 'dead', 'withdrawn')),
    due_at timestamptz not null,
    created_at timestamptz not null,
    attempts integer not null default 0,
    claimed_by uuid,
    claimed_until timestamptz,
    released_at timestamptz,            -- a person released it although it was old, or sent it again
    delivered_at timestamptz,
    dead_at timestamptz,
    last_status integer,
    last_error text,
    desk_incident_id text,
    unique (alarm_id, channel, number)
);
create index notice_due on notice (due_at) where state = 'waiting';
create index notice_order on notice (alarm_id, channel, number) where state in ('waiting', 'held');
create index notice_newest on notice (created_at desc, id);

create table notice_attempt (
    notice_id uuid not null references notice,
    number integer not null,
    at timestamptz not null,
    duration_ms double precision not null,
    status integer,
    error text,
    primary key (notice_id, number)
);

-- How far alerts has read each writer's log; written in the transaction that changed the alarms.
create table feed_cursor (
    writer text primary key,
    number bigint not null,
    updated_at timestamptz not null default now()
);

create table rule_state (
    device_id integer primary key references device,
    state jsonb not null,
    batch_id bigint not null default 0,     -- the newest batch whose readings the state has seen
    updated_at timestamptz not null default now()
) with (fillfactor = 50);

-- Parameters of rules per scope, with an effective-from history; the defaults are data of the program.
create table rule_parameter (
    id bigint generated always as identity primary key,
    code text not null,
    scope text not null check (scope in ('all', 'kind', 'area', 'device')),
    target text not null default '',
    parameters jsonb not null,
    effective_from timestamptz not null,
    created_by text not null,
    created_at timestamptz not null default now()
);
create index rule_parameter_code on rule_parameter (code, scope, target, effective_from);

-- Times and thresholds that change without a release: fire clocks, escalation steps, drill …
create table policy (
    name text primary key,
    body jsonb not null,
    version integer not null default 1,
    updated_by text not null,
    updated_at timestamptz not null default now()
);

create table contact (
    id bigint generated always as identity primary key,
    name text not null,
    channel text not null check (channel in ('webhook', 'sms', 'voice')),
    address text not null,              -- URL, or the number handed to the gateway
    area text,
    settings jsonb not null default '{}',
    enabled boolean not null default true,
    version integer not null default 1,
    created_at timestamptz not null default now()
);

-- Who changed what, for people and machines alike.
create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    action text not null,
    target text not null default '',
    detail jsonb not null default '{}'
);
create index audit_newest on audit (at desc, id desc);
