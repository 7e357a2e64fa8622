-- What the gateway asks of the registry, and the commands to panels. Commands to panels that nobody registered come by
-- MQTT (`down/command`); the answer to a guard check is an event, which ingest matches with its command.

-- name: panels
select code, area, coalesce(gateway_address, substr(code, 5)) as address, coalesce(gateway_profile, '') as profile, registered
from device
where (gateway_address is not null or code ~ '^utd-[0-9a-f]{12}$')
  and not exists (                            -- nor does it win over one that was registered in another area
      select from device other
      where other.code = 'utd-' || device.gateway_address and other.registered and other.id <> device.id
        and not starts_with(other.area, device.area) and not starts_with(device.area, other.area))
order by gateway_address is not null          -- a mapping made by a person wins over the name of a discovered one

-- name: asked
select code, area, gateway_address as address, coalesce(gateway_profile, '') as profile, registered
from device
where gateway_address = any($1)
  and not exists (
      select from device other
      where other.code = 'utd-' || device.gateway_address and other.registered and other.id <> device.id
        and not starts_with(other.area, device.area) and not starts_with(device.area, other.area))

-- name: adopt
-- also when the panel, known as utd-<address> before, was registered under another code since
update device d set gateway = given.gateway, updated_at = now()
from unnest($1::text[], $2::text[]) as given (code, gateway)
where d.code = given.code and d.gateway is distinct from given.gateway
  and (d.gateway is null or d.gateway = substr(d.code, 1, 16))

-- name: adopted
select code from device where code = any($1) and gateway is not null
