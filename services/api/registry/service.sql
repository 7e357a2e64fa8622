-- name: take_out_of_service
update device set out_of_service_until = $2, out_of_service_reason = $3, out_of_service_by = $4,
    version = version + 1, updated_at = $5 where id = $1

-- name: lock_device
select from device where code = $1 for no key update
