-- name: policies
select name, body::text as body from policy order by name
