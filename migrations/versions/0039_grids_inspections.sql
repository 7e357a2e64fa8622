-- Grids (网格): parts of the county that people look after. Devices and sites belong by position (contract 12).
create table grid (
    id text primary key check (id ~ '^[A-Za-z0-9_-]{1,64}$'),
    name text not null,
    area text references area,          -- who may see it; null: the county
    parent text references grid,
    people jsonb not null default '[]', -- [{"name", "role", "phone"}]
    polygon jsonb not null,             -- GeoJSON Polygon or MultiPolygon, WGS 84
    west double precision not null,
    south double precision not null,
    east double precision not null,
    north double precision not null,
    version integer not null default 1,
    updated_at timestamptz not null
);
create index grid_parent on grid (parent) where parent is not null;

-- The same border for PostgreSQL's own operators: rings, of which number 0 of a part is its border, the others holes.
create table grid_ring (
    grid_id text not null references grid on delete cascade,
    part integer not null,
    number integer not null,
    ring polygon not null,
    west double precision not null,
    south double precision not null,
    east double precision not null,
    north double precision not null,
    primary key (grid_id, part, number)
);

-- The grids that hold a point. One SELECT and no volatile part, so that PostgreSQL writes it into the statement around
-- it. `@>` takes a point within 0.000001 degrees (0.1 m) of the border as inside.
create function grids_at(lon double precision, lat double precision) returns setof text language sql stable as $$
    select r.grid_id
    from grid_ring r
    where r.number = 0 and lon between r.west and r.east and lat between r.south and r.north and r.ring @> point(lon, lat)
      and not exists (
        select from grid_ring h
        where h.grid_id = r.grid_id and h.part = r.part and h.number > 0
          and lon between h.west and h.east and lat between h.south and h.north and h.ring @> point(lon, lat))
$$;

-- Inspections (巡查) of devices and sites: what was looked at, what was wrong, and the hazards that came of it.
create table inspection (
    id bigint generated always as identity primary key,
    request_id uuid not null unique,    -- made by the phone: what is sent again is the same inspection
    digest bytea not null,              -- of what was sent
    device_id integer references device,
    site_id bigint references site,
    checklist text not null,            -- of services/core/prevention/checklists.py
    inspected_at timestamptz not null,
    received_at timestamptz not null,
    inspected_by text not null,
    answers jsonb not null,             -- [{"item", "ok", "note"}]
    failed integer not null,
    note text not null,
    hazards bigint[] not null,
    photo_type text,
    check ((device_id is null) <> (site_id is null))
);
create index inspection_device on inspection (device_id, inspected_at desc) where device_id is not null;
create index inspection_site on inspection (site_id, inspected_at desc) where site_id is not null;

create table inspection_photo (
    inspection_id bigint primary key references inspection,
    content bytea not null
);
alter table inspection_photo alter column content set storage external; -- a photo is compressed already

create function keep_inspections() returns trigger language plpgsql as $$
begin
    raise exception 'an inspection is never changed' using errcode = 'restrict_violation';
end $$;
create trigger inspection_kept before update or delete on inspection
    for each row execute function keep_inspections();

-- Every how many days a source is inspected: its attribute `inspection_interval_d`, else the usual number.
create function inspection_interval_d(attributes jsonb, usual double precision) returns double precision
    language sql immutable as $$
    select case
        when attributes ->> 'inspection_interval_d' ~ '^[0-9]{1,4}(\.[0-9]{1,9})?$'
            then greatest((attributes ->> 'inspection_interval_d')::double precision, 1)
        else usual
    end
$$;
