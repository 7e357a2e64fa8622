-- name: place_of_device
select kind, area from device where code = $1

-- name: last_broker
select detail ->> 'broker' from audit where action = 'device.credentials' and target = $1 order by at desc limit 1
