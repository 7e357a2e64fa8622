-- Readings from a clock that is behind: ts is as sent, and they are judged by received_at.
-- Each statement locks every chunk of its table and its indexes: 1200 locks for 400 days.
alter table reading_hydrant add column if not exists clock_behind boolean not null default false;
alter table reading_electrical add column if not exists clock_behind boolean not null default false;
alter table reading_water add column if not exists clock_behind boolean not null default false;
alter table reading_panel add column if not exists clock_behind boolean not null default false;
