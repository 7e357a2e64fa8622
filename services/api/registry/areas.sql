-- name: discover_area
insert into area (code, name, parent)
    select $1::text, $1, (select code from area where starts_with($1, code) order by length(code) desc limit 1)
    where not exists (select from area where code = $1)
    on conflict do nothing

-- name: set_area
insert into area as a (code, name, parent, lon, lat, position_approximate)
    values ($1, $2, $3, $4, $5, $4::float8 is null)
    on conflict (code) do update set name = excluded.name, parent = coalesce(excluded.parent, a.parent),
        lon = coalesce(excluded.lon, a.lon), lat = coalesce(excluded.lat, a.lat),
        -- a place that is sent back as it was read says nothing new of itself
        position_approximate = a.position_approximate
            and (excluded.lon is null or (excluded.lon, excluded.lat) is not distinct from (a.lon, a.lat))
    returning xmax = 0

-- name: lock_area
select name from area where code = $1 for update

-- name: uses_of_area
-- who or what would lose the area's name, or its place; of alarms it is enough to know that there are some
select what, n from (
    select 'devices' as what, 1 as place, count(*) as n from device where area = $1
    union all select 'sites', 2, count(*) from site where area = $1
    union all select 'areas', 3, count(*) from area where parent = $1
    union all select 'grids', 4, count(*) from grid where area = $1
    union all select 'alarms', 5, count(*) from (select from alarm where area = $1 limit 1000) as a
    union all select 'users', 7, count(*) from person where $1 = any (areas)
    union all select 'keys', 8, count(*) from api_key where $1 = any (areas) and revoked_at is null
    union all select 'contacts', 9, count(*) from contact where area = $1
    union all select 'subscriptions', 10, count(*) from subscription where $1 = any (areas)
    union all select 'townships', 11, count(*) from township where $1 = any (areas)
    union all select 'rules', 12, count(*) from rule_parameter where scope = 'area' and target = $1
) as used where n > 0 order by place

-- name: remove_area
delete from area where code = $1

-- name: is_known
select true from area where code = $1
