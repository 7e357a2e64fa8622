-- People and programs that use the API, and the data that their requests need.

create table person (
    id bigint generated always as identity primary key,
    username text not null unique check (username ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    name text not null default '',
    password_hash text not null,                -- Argon2id
    role text not null check (role in ('viewer', 'duty_officer', 'maintainer', 'administrator')),
    areas text[] not null,                      -- code prefixes; {*} is everywhere, {} nowhere
    language text not null default 'zh' check (language in ('zh', 'en')),
    enabled boolean not null default true,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table web_session (
    token_hash bytea primary key,               -- SHA-256 of the cookie
    person_id bigint not null references person on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index web_session_person on web_session (person_id);
create index web_session_expires on web_session (expires_at);

-- 256 random bits need no slow hash: SHA-256 of the key.
create table api_key (
    id bigint generated always as identity primary key,
    name text not null unique,
    key_hash bytea not null unique,
    hint text not null,                         -- beginning of the key, to recognise it
    role text not null check (role in ('viewer', 'duty_officer', 'maintainer', 'administrator')),
    areas text[] not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- The answer to a write that named an Idempotency-Key, for 24 h; body null: it held a secret and is not kept.
create table idempotency_key (
    actor text not null,
    key text not null,
    request bytea not null,                     -- digest of method, path and body
    status integer not null,
    headers jsonb not null default '{}',
    body bytea,
    created_at timestamptz not null default now(),
    primary key (actor, key)
);
create index idempotency_key_age on idempotency_key (created_at);

-- Polled by the live stream, beside last_seen.
create index device_updated on device (updated_at);
create index device_state_offline_since on device_state (offline_since) where offline_since is not null;

-- Loss accounting of hours that no longer change, summed once: a device's total needs few rows however old it is.
create table device_quality_sum (
    device_id integer primary key references device,
    hours_before timestamptz not null,          -- hours from here on are still in device_quality only
    stored bigint not null,
    gaps bigint not null,
    restarts bigint not null,
    duplicates bigint not null,
    late bigint not null,
    rejects bigint not null
);
