-- Units of work that failed by themselves: kept with the error, shown, tried again when a person asks.
create table set_aside (
    id bigint generated always as identity primary key,
    program text not null,              -- alerts, ingest, gateway, api
    kind text not null,                 -- event, readings, alarm, call, duty, message …
    name text not null,                 -- its name within the kind
    area text,
    fire boolean not null default false,        -- a fire may hide in it
    error text not null,
    detail jsonb not null default '{}', -- what the next try needs to find it
    first_at timestamptz not null,
    last_at timestamptz not null,
    failures integer not null default 1,
    retry_requested_at timestamptz,
    retry_requested_by text,
    done_at timestamptz,
    result text                         -- done: it went through; dropped: a person gave it up
);
create unique index set_aside_open on set_aside (program, kind, name) where done_at is null;
create index set_aside_newest on set_aside (last_at desc, id desc);
