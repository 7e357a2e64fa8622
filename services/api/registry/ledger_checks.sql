-- Each check finds devices among `mine` with what the words of a row need, as `note`; `page` goes round one of them.

-- name: page
with mine as (
    select d.*
    from device d
    where (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p)))
      and starts_with(d.area, :area)
),
found as materialized ({check}),
counted as (select count(*) as total from found)
select c.total, f.*
from counted c
left join (
    select m.code, m.kind, m.name, m.area, m.address, m.created_at as since, f.note
    from found f
    join device m on m.id = f.id
    where m.code > :after
    order by m.code
    limit :most
) f on true
order by f.code

-- name: how_many
select count(*) as devices
from device d
where (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p)))
  and starts_with(d.area, :area)

-- name: no_position
select id, jsonb_build_object() as note from mine where registered and (lon is null or lon = 0 or lat = 0)

-- name: outside_area
-- on a sphere, from the nearest place of the county whose position is known; or by grids, on the ground of others alone,
-- where its own area has some: whose area is one above or below its own, or no area, look after it too
select m.id,
    case when n.km > :far_km
        then jsonb_build_object('zh', '距本县最近的已知地点 ' || round(n.km) || ' 公里',
            'en', round(n.km) || ' km from the nearest known place')
        else jsonb_build_object('zh', '位置只在其他区域的网格内', 'en', 'it stands in grids of other areas alone')
    end as note
from mine m
left join lateral (
    select min(2 * 6371 * asin(sqrt(least(1, power(sin(radians(m.lat - a.lat) / 2), 2)
        + cos(radians(a.lat)) * cos(radians(m.lat)) * power(sin(radians(m.lon - a.lon) / 2), 2))))) as km
    from area a
    where a.lon is not null and left(a.code, 6) = left(m.area, 6)
) n on true
where m.lon <> 0 and m.lat <> 0
  and (n.km > :far_km
    or (exists (select from grid g where starts_with(m.area, g.area) or starts_with(g.area, m.area))
    and (  -- null, which is no finding, where it stands in no grid
        select not bool_or(g.area is null or starts_with(m.area, g.area) or starts_with(g.area, m.area))
        from grids_at(m.lon, m.lat) at join grid g on g.id = at)))

-- name: outside_grid
-- where its area, or one above or below it, has grids; those of the county as a whole count for every area
select m.id, jsonb_build_object() as note
from mine m
where m.lon <> 0 and m.lat <> 0
  and exists (select from grid g where g.area is null or starts_with(m.area, g.area) or starts_with(g.area, m.area))
  and not exists (select from grids_at(m.lon, m.lat))

-- name: doubled_position
-- devices of one kind within about a metre, or on one spot; the circuits of one switchboard do stand on one
select id, jsonb_build_object('others', array_to_string((array_remove(codes, code))[1:3], ', ')) as note
from (
    select m.id, m.code, array_agg(m.code) over spot as codes
    from mine m
    where m.kind <> 'electrical' and m.lon <> 0 and m.lat <> 0
    window spot as (
        partition by m.kind, round(cast(m.lon as numeric), 5), round(cast(m.lat as numeric), 5)
        order by m.code rows between unbounded preceding and unbounded following)
) s
where cardinality(codes) > 1

-- name: never_heard
select m.id, jsonb_build_object() as note
from mine m
left join device_state s on s.device_id = m.id
where m.registered and s.last_seen is null and coalesce(m.out_of_service_until <= :now, true)

-- name: kind_contradicts
select m.id, jsonb_build_object('said', m.kind, 'heard', split_part(s.last_topic, '/', 4)) as note
from mine m
join device_state s on s.device_id = m.id
where split_part(s.last_topic, '/', 4) in ('hydrant', 'electrical', 'water', 'panel')
  and split_part(s.last_topic, '/', 4) <> m.kind

-- name: interval_contradicts
-- by when messages came, because silence is judged by that: the middle gap between those of the newest rows
select m.id, jsonb_build_object('said', m.expected_interval_s, 'heard', round(g.middle_s)) as note
from mine m
cross join lateral (
    select percentile_disc(0.5) within group (order by gap_s) as middle_s, count(gap_s) as gaps
    from (
        select extract(epoch from received_at - lag(received_at) over (order by received_at)) as gap_s
        from (
            (select received_at from reading_hydrant r
             where m.kind = 'hydrant' and r.device_id = m.id and r.ts > :since and r.ts <= :now
             order by r.ts desc limit :rows)
            union
            (select received_at from reading_electrical r
             where m.kind = 'electrical' and r.device_id = m.id and r.ts > :since and r.ts <= :now
             order by r.ts desc limit :rows)
            union
            (select received_at from reading_water r
             where m.kind = 'water' and r.device_id = m.id and r.ts > :since and r.ts <= :now
             order by r.ts desc limit :rows)
            union
            (select received_at from reading_panel r
             where m.kind = 'panel' and r.device_id = m.id and r.ts > :since and r.ts <= :now
             order by r.ts desc limit :rows)
        ) came
    ) gaps
) g
where m.registered and g.gaps >= :least_gaps
  and (g.middle_s > m.expected_interval_s * :factor or g.middle_s < m.expected_interval_s / :factor)

-- name: stale_inspection
select m.id, jsonb_build_object(
    'last', coalesce(to_char(i.last at time zone interval '8 hours', 'YYYY-MM-DD'), '从未'),
    'last_en', coalesce(to_char(i.last at time zone interval '8 hours', 'YYYY-MM-DD'), 'never'),
    'interval_d', inspection_interval_d(m.attributes, :usual_d)) as note
from mine m
cross join lateral (select max(inspected_at) as last from inspection where device_id = m.id) i
where m.registered and m.kind in ('hydrant', 'water') and coalesce(m.out_of_service_until <= :now, true)
  and coalesce(i.last + make_interval(secs => inspection_interval_d(m.attributes, :usual_d) * 86400) <= :now, true)

-- name: unregistered
select m.id, jsonb_build_object() as note
from mine m
where not m.registered
