-- What detectors of early warning have learned of the devices that are watched together, and how far they have walked.
create table early_cell (
    name text primary key,
    devices text not null,  -- a hash: who they are and since when, and of which form the memory is
    walked_until timestamptz not null,
    told jsonb not null,  -- what stands
    memory bytea not null,
    saved_at timestamptz not null
);
alter table early_cell alter column memory set storage external;

-- Since when a device is the one it is, where it is: what it measured before teaches nothing.
create table early_device (
    device_id integer primary key references device on delete cascade,
    kind text not null,
    lon double precision,
    lat double precision,
    since timestamptz not null
);

-- Each early warning that was told, with what its alarm has no columns for.
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
