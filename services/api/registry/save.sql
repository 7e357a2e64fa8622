-- name: area_of_site
select area from site where id = $1

-- name: claimed
select code, area, registered from device where code = any($1)

-- name: who_has_address
select code from device where gateway_address = $1
