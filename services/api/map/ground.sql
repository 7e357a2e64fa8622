-- name: extent
select min(lon) as w, min(lat) as s, max(lon) as e, max(lat) as n from device where lon is not null and (:everywhere
    or exists (select from unnest(cast(:areas as text[])) p where starts_with(area, p)))
