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
        position_approximate = a.position_approximate and excluded.lon is null
    returning xmax = 0

-- name: is_known
select true from area where code = $1
