-- name: read
-- A device the registry has and nobody heard gets its state row here. Whose area or kind a person has set, the registry
-- knows both: releases of before noted only the one that was named.
with wanted as (
    select d.* from device d where d.code = any($1::text[])
), added as (
    insert into device_state (device_id) select id from wanted order by id on conflict do nothing
)
select d.id, d.code, d.kind, d.area, d.kind_fixed or d.area_fixed as is_placed, d.expected_interval_s, d.sleepy,
       (extract(epoch from s.telemetry_ts) * 1000000)::bigint as telemetry_us,
       s.telemetry_seq, coalesce(s.telemetry_missing, 0) as telemetry_missing,
       (extract(epoch from s.event_ts) * 1000000)::bigint as event_us,
       s.event_seq, coalesce(s.event_missing, 0) as event_missing,
       array(select jsonb_object_keys(case when jsonb_typeof(s.state) = 'object' then s.state else '{}' end))
           as state_fields, s.clock
from wanted d left join device_state s on s.device_id = d.id

-- name: changed
select code, updated_at from device where updated_at > $1 order by updated_at, code

-- name: townships
-- for whose devices a topic of an area may speak: those of every township that has it (contract 10)
select own.area, array_agg(distinct other.area) as areas
from township t
cross join unnest(t.areas) own (area)
cross join unnest(t.areas) other (area)
group by own.area

-- name: registered
select code, kind, area, kind_fixed or area_fixed as is_placed, expected_interval_s, sleepy from device where code = any($1::text[])

-- name: hold
select 1 from lease where name = $1 and owner = $2::uuid for key share

-- name: add_devices
insert into device (code, kind, area)
select n.code, n.kind, n.area from unnest($1::text[], $2::text[], $3::text[]) as n (code, kind, area)
order by n.code
on conflict do nothing

-- name: move
-- follow the topic where no person has set area or kind
update device d
set area = case when d.kind_fixed or d.area_fixed then d.area else n.area end,
    kind = case when d.kind_fixed or d.area_fixed then d.kind else n.kind end,
    updated_at = clock_timestamp()
from unnest($1::text[], $2::text[], $3::text[]) as n (code, kind, area)
where d.code = n.code
returning d.code, d.kind, d.area, d.kind_fixed or d.area_fixed as is_placed, d.expected_interval_s, d.sleepy
