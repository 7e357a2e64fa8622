-- Up to when the copies of this system are complete, as their program last reported. No row: no copies are kept.
create table backup_status (
    id integer primary key check (id = 1),
    folder text not null,
    since timestamptz not null,         -- when keeping in this folder began
    copies integer not null default 0,
    copied_at timestamptz,              -- begin of the newest whole base copy
    logged_at timestamptz,              -- everything acknowledged before this is in the folder
    updated_at timestamptz not null,
    error text not null default ''
);
