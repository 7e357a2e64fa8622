-- name: addresses
select gateway_address, code from device where gateway_address is not null

-- name: devices
select * from device where code = any(cast(:codes as text[]))

-- name: areas
select code, lon, lat from area

-- name: standing
select code, kind, area, lon, lat from device where lon is not null

-- name: claimed
select code, area, registered from device where code = any(cast(:codes as text[]))

-- name: sites
select id, area from site
