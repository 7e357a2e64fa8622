-- Browsers that are told of fires while no page is open (Web Push, RFC 8030).

create table web_push (
    -- ends with the sign-in: signing out, a new password, a disabled person
    session_hash bytea primary key references web_session (token_hash) on delete cascade,
    person_id bigint not null references person on delete cascade,
    endpoint text not null unique,              -- at the browser's push service; who knows it can try to push there
    p256dh bytea not null,                      -- the browser's key, an uncompressed point of P-256
    auth bytea not null,
    public_key text not null,                   -- ours, which the browser takes messages from
    language text not null check (language in ('zh', 'en')),
    created_at timestamptz not null,
    greeting boolean not null default true,     -- one message is still to be sent that says: turned on
    told_to bigint not null,                    -- the number of the newest event that was dealt with
    failures integer not null default 0,        -- refusals in a row
    last_at timestamptz,                        -- the newest attempt and its answer
    last_status integer,
    last_error text,
    accepted_at timestamptz
);
create index web_push_person on web_push (person_id);

-- One row once it was ever switched on.
create table web_push_state (
    one boolean primary key default true check (one),
    is_on boolean not null default false,
    private_key text,                           -- made here once; null: it was always given as a setting
    public_key text                             -- of the key in use
);

create trigger web_push_announced after insert or update of endpoint, language, greeting or delete
    on web_push for each statement execute function announce_subscriptions('firetower_web_push');
