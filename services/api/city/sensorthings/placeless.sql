-- name: placeless
-- which of these devices stand nowhere
select id from device where id = any(cast(:devices as integer[])) and lon is null
