-- Devices that sent more than their share: how much beyond it, since when, until when. Ingest writes, alerts reads.
create table device_flood (
    device_id integer primary key references device,
    began_at timestamptz not null,
    last_at timestamptz not null,
    elements bigint not null,           -- readings, events and rejects of this flood
    fires bigint not null default 0     -- of these, fires that got no alarm of their own
);
