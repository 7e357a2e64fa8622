-- name: area_name
select name from area where code = $1
