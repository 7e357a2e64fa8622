-- Numbers of a rule tried on stored readings: asked for by a person, worked off by alerts, one at a time.
create table rule_trial (
    id bigint generated always as identity primary key,
    code text not null,
    scope text not null check (scope in ('all', 'area', 'device')),
    target text not null,
    area text, -- whose it is; null: the county's
    parameters jsonb not null,
    since timestamptz not null,
    until timestamptz not null,
    created_by text not null,
    created_at timestamptz not null,
    state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed', 'cancelled')),
    worker uuid,
    tries integer not null default 0,
    progress real not null default 0,
    readings bigint not null default 0,
    ended_at timestamptz,
    fault text,
    fault_en text,
    result jsonb
);
create index rule_trial_open on rule_trial (id) where state in ('waiting', 'running');
create index rule_trial_code on rule_trial (code, id);
