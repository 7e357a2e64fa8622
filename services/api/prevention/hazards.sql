-- name: device
select id, area from device where code = $1

-- name: site
select id, area from site where id = $1
