-- Hazards (隐患) of devices and sites, and every step that was taken about them (contract 12).
create table hazard (
    id bigint generated always as identity primary key,
    device_id integer references device,
    site_id bigint references site,
    component text not null default '',
    code text not null,                 -- of the catalogue, services/core/prevention/catalogue.py
    grade text not null check (grade in ('general', 'major')),
    source text not null check (source in ('system', 'inspection', 'report')),
    state text not null check (state in ('found', 'assigned', 'rectified', 'verified')),
    owner text not null default '',     -- who has to rectify it
    due timestamptz,
    description text not null default '',
    description_en text not null default '',
    cause text,                         -- what the system saw; one hazard is open of each
    cause_gone_at timestamptz,          -- the system no longer sees it
    found_at timestamptz not null,
    found_by text not null,
    assigned_at timestamptz,
    assigned_by text,
    rectified_at timestamptz,
    rectified_by text,
    rectified_person text,              -- who stands behind rectified_by: whoever made the key
    closed_at timestamptz,
    closed_by text,
    closed_as text check (closed_as in ('rectified', 'unfounded', 'cause_gone')),
    supervised_at timestamptz,          -- under supervision (挂牌督办) since
    supervised_by text,
    authority text not null default '', -- who supervises
    version integer not null default 1,
    updated_at timestamptz not null,
    check ((device_id is null) <> (site_id is null)),
    check ((state = 'verified') = (closed_at is not null)),
    check (supervised_at is null or grade = 'major')
);
create unique index hazard_open_cause on hazard (cause) where state <> 'verified';
create index hazard_open on hazard (id) where state <> 'verified';
create index hazard_device on hazard (device_id) where device_id is not null;
create index hazard_site on hazard (site_id) where site_id is not null;

create table hazard_step (
    hazard_id bigint not null references hazard,
    number integer not null,
    at timestamptz not null,
    actor text not null,
    act text not null,
    from_state text,
    to_state text not null,
    note text not null,
    detail jsonb not null,              -- what the step changed
    primary key (hazard_id, number)
);

create function keep_hazard_steps() returns trigger language plpgsql as $$
begin
    raise exception 'a step of a hazard is never changed' using errcode = 'restrict_violation';
end $$;
create trigger hazard_step_kept before update or delete on hazard_step
    for each row execute function keep_hazard_steps();
