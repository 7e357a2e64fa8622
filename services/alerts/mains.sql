-- name: devices_by_code
select id from device where code = any($1::text[])

-- name: area_name
select name from area where code = $1
