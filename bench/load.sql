-- name: register
-- devices that report once a minute, with the state row that their first message would make
with named as (
    insert into area (code, name) select distinct code, code from unnest($3::text[]) as a (code)
    on conflict do nothing
), fresh as (
    insert into device (code, kind, area, registered, expected_interval_s)
    select code, kind, area, true, 60 from unnest($1::text[], $2::text[], $3::text[]) as n (code, kind, area)
    returning id
)
insert into device_state (device_id) select id from fresh

-- name: known
-- how many devices of a run ingest has heard
select count(*) from device where code like $1 || '%'
