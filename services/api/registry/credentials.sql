-- name: place_of_device
select kind, area from device where code = $1
