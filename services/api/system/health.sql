-- name: is_ready
select 1 from person limit 1
