-- name: lock_device
select * from device where code = $1 for no key update

-- name: inspection
select i.id, i.inspected_at, i.failed, v.interval_d,
       i.inspected_at + make_interval(secs => v.interval_d * 86400) as due_at
from device d
cross join lateral (
    select case when d.kind in ('hydrant', 'water') then inspection_interval_d(d.attributes, :usual_d) end as interval_d
) v
left join lateral (
    select id, inspected_at, failed from inspection where device_id = d.id order by inspected_at desc limit 1
) i on true
where d.id = :id

-- name: grids
select g.id
from device d
cross join lateral grids_at(d.lon, d.lat) as holder
join grid g on g.id = holder
where d.id = :id
  and (:everywhere or (g.area is null and :county)
       or exists (select from unnest(cast(:areas as text[])) p where starts_with(g.area, p)))
order by g.id
