-- name: is_new
select not exists (select from device)

-- name: add_device
insert into device (code, kind, area) values ($1, $2, $3) returning id
