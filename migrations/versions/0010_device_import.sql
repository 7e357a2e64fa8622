-- Ledgers of devices that were checked as a whole and are being written, some hundred rows at a time: a long transaction
-- there would hold locks that fires need. The rows stay as the record of what each import changed.
create table device_import (
    id bigint generated always as identity primary key,
    actor text not null,
    created_at timestamptz not null,
    rows integer not null,                      -- in device_import_row
    applied integer not null default 0,         -- up to this number
    done_at timestamptz,
    faults jsonb not null default '[]'          -- rows that a change in the database made impossible meanwhile
);
create unique index device_import_open on device_import ((true)) where done_at is null;     -- one at a time

create table device_import_row (
    import_id bigint not null references device_import on delete cascade,
    number integer not null,                    -- from 1
    line integer not null,
    code text not null,
    gateway_address text,
    body jsonb not null,                        -- columns of device and their new values
    changes jsonb not null,                     -- {column: {from, to}} when it was checked
    primary key (import_id, number)
);
create index device_import_row_code on device_import_row (code);
create index device_import_row_gateway_address on device_import_row (gateway_address) where gateway_address is not null;
