-- A shift handed over: the signed content, word for word, and who accepted it with a sign-in of their own.
create table handover (
    id bigint generated always as identity primary key,
    signed_at timestamptz not null,
    signed_by text not null,            -- user:li
    areas text[] not null,              -- the areas of the one who signed, which bound the content
    shift text not null,
    from_at timestamptz not null,
    to_at timestamptz not null,
    remarks text not null,
    open_total integer not null,
    closed_total integer not null,
    content jsonb not null,             -- GET /api/v1/handover as it was then
    check (from_at < to_at)
);
create index handover_newest on handover (id desc) include (areas);

create table handover_acceptance (
    handover_id bigint primary key references handover,
    accepted_at timestamptz not null,
    accepted_by text not null,
    remarks text not null
);

create function keep_as_signed() returns trigger language plpgsql as $$
begin
    raise exception 'a signed hand-over is never changed' using errcode = 'restrict_violation';
end $$;
create trigger handover_kept before update or delete on handover for each row execute function keep_as_signed();
create trigger handover_acceptance_kept before update or delete on handover_acceptance
    for each row execute function keep_as_signed();
