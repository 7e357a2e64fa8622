-- Signed push to other platforms that subscribed (contract 9.3).

create table subscription (
    id bigint generated always as identity primary key,
    name text not null,
    url text not null,
    types text[] not null,              -- {*} is all of them
    areas text[] not null,              -- code prefixes, as in api_key: {*} is everywhere
    format text not null check (format in ('cloudevents', 'cap')),
    state text not null default 'active' check (state in ('active', 'paused', 'disabled')),  -- disabled: it answered 410
    secret text not null,               -- whsec_…; signs, and is shown once
    previous_secret text,               -- signs too, until then
    previous_secret_until timestamptz,
    failures integer not null default 0,        -- attempts in a row that were not accepted
    last_at timestamptz,                -- the newest attempt and its answer
    last_status integer,
    last_error text,
    delivered_at timestamptz,           -- the newest accepted attempt
    version integer not null default 1,
    created_by text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- Written in the transaction that changed something. `id` is drawn while the alarm (or device) is locked, so a later
-- event of it has a greater one; `number` is given after the commit, grows with every event and orders the deliveries.
create table subscription_event (
    id bigint generated always as identity primary key,
    made_at timestamptz not null default clock_timestamp(),
    number bigint unique,
    uid uuid not null default gen_random_uuid(),
    type text not null,
    subject text not null,              -- device code, site or area; empty: the county
    area text,
    at timestamptz not null,
    device_id integer,
    alarm_id bigint,
    cap boolean not null default false, -- a CAP message belongs to it
    only_for bigint,                    -- a test: only for this subscription
    data jsonb not null,
    body bytea                          -- the CloudEvent, fixed with the number
);
create index subscription_event_new on subscription_event (id) where number is null;
create index subscription_event_made on subscription_event (made_at);

create table subscription_delivery (
    subscription_id bigint not null references subscription on delete cascade,
    number bigint not null references subscription_event (number) on delete cascade,
    subject text not null,
    state text not null default 'waiting' check (state in ('waiting', 'delivered', 'dead')),
    attempts integer not null default 0,
    due_at timestamptz not null,
    expires_at timestamptz not null,    -- when the last attempt is made
    last_at timestamptz,
    last_status integer,
    last_error text,
    took_ms double precision,
    delivered_at timestamptz,
    primary key (subscription_id, number)
) with (fillfactor = 80);
create index subscription_delivery_waiting on subscription_delivery (subscription_id, number) where state = 'waiting';
create index subscription_delivery_event on subscription_delivery (number);

-- Up to when ends of "out of service" were checked: no transaction reports that a time is over.
create table subscription_clock (
    one boolean primary key default true check (one),
    looked_until timestamptz not null
);
insert into subscription_clock (looked_until) values (now());

create function subscription_wants(s subscription, e subscription_event) returns boolean language sql immutable as $$
    select case
        when e.only_for is not null then e.only_for = s.id
        else (s.types @> '{*}' or e.type = any(s.types))
            and (s.format <> 'cap' or e.cap)
            and (s.areas @> '{*}' or exists (
                select from unnest(s.areas) as a (code)
                where starts_with(e.area, a.code) or (e.area is null and length(a.code) <= 6)))
    end
$$;

create function announce_subscriptions() returns trigger language plpgsql as $$
begin
    perform pg_notify(tg_argv[0], '');
    return null;
end
$$;
create trigger subscription_event_announced after insert on subscription_event
    for each statement execute function announce_subscriptions('firetower_subscription_event');
create trigger subscription_announced after insert or update of url, types, areas, state, secret, previous_secret or delete
    on subscription for each statement execute function announce_subscriptions('firetower_subscription');

-- A device's status as the API shows it.
create function device_status(d device, is_online boolean) returns text language sql stable as $$
    select case when d.out_of_service_until > now() then 'out_of_service' when not d.registered then 'discovered'
                when is_online then 'online' else 'offline' end
$$;

create function tell_device_status(d device, status text) returns void language sql as $$
    insert into subscription_event (type, subject, area, at, device_id, data)
    values ('device.status', d.code, d.area, clock_timestamp(), d.id, jsonb_build_object('status', status))
$$;

create function tell_heard() returns trigger language plpgsql as $$
declare
    d device;
begin
    select * into d from device where id = new.device_id;
    if device_status(d, old.is_online) <> device_status(d, new.is_online) then
        perform tell_device_status(d, device_status(d, new.is_online));
    end if;
    return null;
end
$$;
-- after the row, with a condition: readings that change no status only cost a comparison, and no second lock of the row
create trigger device_state_told after update on device_state
    for each row when (old.is_online is distinct from new.is_online) execute function tell_heard();

create function tell_registered() returns trigger language plpgsql as $$
declare
    heard boolean := coalesce((select is_online from device_state where device_id = new.id), false);
begin
    if tg_op = 'INSERT' or device_status(old, heard) <> device_status(new, heard) then
        perform tell_device_status(new, device_status(new, heard));
    end if;
    return null;
end
$$;
create trigger device_told after update on device for each row
    when (old.registered is distinct from new.registered
          or old.out_of_service_until is distinct from new.out_of_service_until)
    execute function tell_registered();
create trigger device_discovered after insert on device for each row when (not new.registered)
    execute function tell_registered();
