-- name: open
select id, applied, rows from device_import where done_at is null for update

-- name: is_open
select exists (select from device_import where done_at is null) as open

-- name: claimed
-- whether a row that waits to be written names this device, or this address for another one
select exists (
    select from device_import i join device_import_row r on r.import_id = i.id
    where i.done_at is null and r.number > i.applied
      and (r.code = $1 or (r.gateway_address = $2 and r.gateway_address is not null)))

-- name: add
insert into device (code, kind, area, name, site_id, form, lon, lat, source_datum, address, owner, maintainer,
    expected_interval_s, sleepy, rated_current_a, limits, gateway, gateway_address, gateway_profile, attributes,
    registered, kind_fixed, area_fixed)
select r.code, n.kind, n.area, coalesce(n.name, ''), n.site_id, n.form, n.lon, n.lat, n.source_datum,
    coalesce(n.address, ''), coalesce(n.owner, ''), coalesce(n.maintainer, ''), coalesce(n.expected_interval_s, 300),
    coalesce(n.sleepy, false), n.rated_current_a, coalesce(n.limits, '{}'), n.gateway, n.gateway_address,
    n.gateway_profile, coalesce(n.attributes, '{}'), true, coalesce(n.kind_fixed, false), coalesce(n.area_fixed, false)
from device_import_row r cross join lateral jsonb_populate_record(null::device, r.body) n
where r.import_id = $1 and r.number > $2 and r.number <= $3
  and not exists (select from device d where d.code = r.code)
order by r.code
on conflict (code) do nothing
returning code

-- name: changed
-- Devices, but for those just added, that are not what the ledger was compared with; all are held, so that they stay as
-- they are. One that was nobody's may have spoken meanwhile, where the ledger says that it is.
with held as (
    select d.code, d.version, d.area, d.registered, r.version as version_then, r.area as area_then,
        r.body ->> 'area' as area_given, r.changes -> 'registered' -> 'from' = 'null' as was_new
    from device_import_row r
    join device d on d.code = r.code
    where r.import_id = $1 and r.number > $2 and r.number <= $3 and d.code <> all ($4::text[])
    order by d.id
    for no key update of d
)
select code from held
where case when was_new then registered or version > 1 or area <> area_given
      else version_then is not null and (version <> version_then or area <> area_then) end

-- name: change
-- `no key`: rows that refer to the device (a fire's alarm, its newest state) are written beside it. An address is such
-- a key: even to set it to what it was would lock them out, so it is not among the columns set here.
with target as (
    select d.id, n.kind, n.area, n.name, n.site_id, n.form, n.lon, n.lat, n.source_datum, n.address, n.owner,
        n.maintainer, n.expected_interval_s, n.sleepy, n.rated_current_a, n.limits, n.gateway, n.gateway_address,
        n.gateway_profile, n.attributes, n.registered, n.kind_fixed, n.area_fixed
    from device_import_row r
    join device d on d.code = r.code
    cross join lateral jsonb_populate_record(d, r.body) n
    where r.import_id = $1 and r.number > $2 and r.number <= $3
    order by d.id
    for no key update of d
)
update device d
set kind = t.kind, area = t.area, name = t.name, site_id = t.site_id, form = t.form, lon = t.lon, lat = t.lat,
    source_datum = t.source_datum, address = t.address, owner = t.owner, maintainer = t.maintainer,
    expected_interval_s = t.expected_interval_s, sleepy = t.sleepy, rated_current_a = t.rated_current_a,
    limits = t.limits, gateway = t.gateway, gateway_profile = t.gateway_profile, attributes = t.attributes,
    registered = t.registered, kind_fixed = t.kind_fixed, area_fixed = t.area_fixed,
    version = d.version + 1, updated_at = clock_timestamp()
from target t
where t.id = d.id
  and (d.kind, d.area, d.name, d.site_id, d.form, d.lon, d.lat, d.source_datum, d.address, d.owner, d.maintainer,
       d.expected_interval_s, d.sleepy, d.rated_current_a, d.limits, d.gateway, d.gateway_address, d.gateway_profile,
       d.attributes, d.registered, d.kind_fixed, d.area_fixed)
      is distinct from
      (t.kind, t.area, t.name, t.site_id, t.form, t.lon, t.lat, t.source_datum, t.address, t.owner, t.maintainer,
       t.expected_interval_s, t.sleepy, t.rated_current_a, t.limits, t.gateway, t.gateway_address, t.gateway_profile,
       t.attributes, t.registered, t.kind_fixed, t.area_fixed)

-- name: change_address
update device d
set gateway_address = n.gateway_address
from device_import_row r, jsonb_populate_record(null::device, r.body) n
where r.import_id = $1 and r.number > $2 and r.number <= $3 and r.body ? 'gateway_address'
  and d.code = r.code and d.gateway_address is distinct from n.gateway_address

-- name: move_on
update device_import set applied = $2, done_at = case when $2 >= rows then clock_timestamp() end where id = $1

-- name: begin
insert into device_import (actor, created_at, rows) values ($1, $2, $3)
    on conflict ((true)) where done_at is null do nothing returning id
