-- name: places
-- where devices stand: what Locations say
select id, id as device, kind, code, name, address, lon, lat, created_at as known_since
from device where id = any(cast(:devices as integer[])) and lon is not null

-- name: streams
-- which of :fields devices that the caller may see have sent, by their newest state, and what Datastreams say beside it
select d.id as device, d.kind, d.code, d.name, d.lon, d.lat, d.created_at as known_since,
    array(select field from unnest(cast(:fields as text[])) field where jsonb_exists(s.state, field)) as sent
from device d left join device_state s on s.device_id = d.id
where d.id = any(cast(:devices as integer[]))
    and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p)))

-- name: newest_transitions
-- of each device the two newest transitions of its alarms that the caller may see
select d.id as device, d.kind, t.*
from device d cross join lateral (
    select l.at as ts, l.alarm_id as seq, l.number as sub, l.at as received_at,
        coalesce(l.detail ->> 'severity', a.severity) || '/' || l.to_state || '/' || a.code as text,
        l.detail ->> 'confidence' as confidence, coalesce(l.detail ->> 'verification', a.verification) as verification
    from alarm a join alarm_transition l on l.alarm_id = a.id
    where a.device_id = d.id and (:everywhere or exists (
        select from unnest(cast(:areas as text[])) p where starts_with(coalesce(a.area, d.area), p)))
    order by l.at desc, l.alarm_id desc, l.number desc limit 2) t
where d.id = any(cast(:devices as integer[]))
