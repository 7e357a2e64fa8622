-- name: lock_device
select * from device where code = $1 for no key update
