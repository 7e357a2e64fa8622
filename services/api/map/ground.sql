-- name: extent
-- Where the county lies: what stands in it, and its areas' own places. An area counts beside things of its county only:
-- the names that every system has from the start are no part of another county.
with placed as (
    select area, lon, lat from device where lon is not null
    union all select area, lon, lat from site where lon is not null
    union all select area, west, south from grid
    union all select area, east, north from grid
), seen as (
    select area, lon, lat from placed
    where (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(area, p)))
      and (cast(:area as text) is null or starts_with(area, :area))
), known as (
    select lon, lat from area
    where lon is not null
      and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(code, p)))
      and (cast(:area as text) is null or starts_with(code, :area))
      and (not exists (select from seen) or exists (select from seen s where starts_with(s.area, left(code, 6))))
), points as (select lon, lat from seen union all select lon, lat from known)
select min(lon) as w, min(lat) as s, max(lon) as e, max(lat) as n from points
