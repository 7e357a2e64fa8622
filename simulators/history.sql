-- name: is_new
select not exists (select from device)

-- name: add_areas
insert into area (code, name, parent)
select n.code, n.code,
       (select a.code from area a where starts_with(n.code, a.code) order by length(a.code) desc limit 1)
from unnest($1::text[]) as n (code)
where not exists (select from area a where a.code = n.code)
on conflict do nothing

-- name: add_device
insert into device (code, kind, area) values ($1, $2, $3) returning id
