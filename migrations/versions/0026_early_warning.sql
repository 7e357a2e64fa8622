-- What the early-warning detectors learned about devices that are watched together, and up to when they have read.
create table early_cell (
    name text primary key,
    devices text not null,  -- a hash: which devices, since when, and the form of the memory
    walked_until timestamptz not null,
    told jsonb not null,  -- open warnings
    memory bytea not null,
    saved_at timestamptz not null
);
alter table early_cell alter column memory set storage external;

-- Since when a device is this one at this place: readings from before teach nothing.
create table early_device (
    device_id integer primary key references device on delete cascade,
    kind text not null,
    lon double precision,
    lat double precision,
    since timestamptz not null
);

-- Each early warning that was raised, with the fields that its alarm has no columns for.
create table early_warning (
    id bigint generated always as identity primary key,
    cell text not null,
    device text,  -- null: an event of the mains
    area text not null,
    subject text not null,
    code text not null,
    component text not null,
    severity text not null,
    began_at timestamptz not null,
    ended_at timestamptz,
    alarm_id bigint references alarm on delete cascade deferrable initially deferred,
    members text[] not null,
    lon double precision,
    lat double precision,
    expected double precision,
    seen double precision,
    unit text not null,
    sure text not null,
    unique (subject, code, component, began_at)
);
create unique index early_warning_standing on early_warning (subject, code, component) where ended_at is null;
create index early_warning_alarm on early_warning (alarm_id);
