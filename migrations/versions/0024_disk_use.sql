-- How full each disk was, every ten minutes for 30 days; full_in_days is the forecast at that moment, null: none.
create table disk_use (
    folder text not null,  -- empty: the disk of the state folder
    at timestamptz not null,
    used_bytes bigint not null,
    free_bytes bigint not null,
    full_in_days double precision,
    primary key (folder, at)
);
