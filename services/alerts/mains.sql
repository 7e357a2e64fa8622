-- name: devices_by_code
select id from device where code = any($1::text[])
