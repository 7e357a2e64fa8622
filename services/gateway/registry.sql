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

-- name: queued
select c.id, d.code, c.command, c.arguments, c.created_at
from command c join device d on d.id = c.device_id
where c.state = 'queued' and d.gateway_address is not null
order by c.created_at
limit 100

-- name: sent
update command set state = 'sent', sent_at = $2, answer_by = $3 where id = $1 and state in ('queued', 'sent')

-- name: confirmed
update command set reply = coalesce(reply, '{}') || jsonb_build_object('confirmed_at', $2::text)
where id = $1 and state = 'sent'

-- name: unconfirmed
update command set reply = coalesce(reply, '{}') || jsonb_build_object('not_confirmed', $2::text)
where id = $1 and state = 'sent'

-- name: replied
update command set state = 'replied', replied_at = $2, reply = coalesce(reply, '{}') || $3 where id = $1

-- name: failed
update command set state = 'failed', error = $2 where id = $1 and state in ('queued', 'sent')
