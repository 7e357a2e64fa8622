-- name: known_since
select id, created_at from device where id = any(cast(:devices as integer[]))
