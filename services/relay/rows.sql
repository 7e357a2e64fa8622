-- name: events
-- $4 types that are, or are not, wanted ($5), of devices of the areas $6: by the topic they last used, else by the
-- registry. The area in the topic has to be one that the account may use.
select e.batch_id, d.code, at.base, e.event_id, e.ts, e.seq, e.type, e.active, e.component, e.zone, e.system_type,
    e.component_type, e.description, e.device_ts, e.extra, e.sent, e.received_at
from event e
join device d on d.id = e.device_id
left join device_state s on s.device_id = d.id
cross join lateral (
    select case when split_part(s.last_topic, '/', 3) = any($6::text[]) then s.last_topic
                when d.area = any($6::text[]) then 'fire/v1/' || d.area || '/' || d.kind || '/' || d.code end as base) at
where e.batch_id = any($1::bigint[]) and e.ts between $2 and $3 and (e.type = any($4::text[])) = $5
    and at.base is not null
order by e.batch_id, e.received_at, e.ts, e.seq, e.place

-- name: readings
-- {table}, {kind}, {fields} come from the contracts
select r.batch_id, d.code, at.area, r.ts, r.seq, r.received_at, {fields}, r.extra
from {table} r
join device d on d.id = r.device_id
left join device_state s on s.device_id = d.id
cross join lateral (
    select case when split_part(s.last_topic, '/', 3) = any($4::text[]) then split_part(s.last_topic, '/', 3)
                when d.area = any($4::text[]) then d.area end as area) at
where r.batch_id = any($1::bigint[]) and r.ts between $2 and $3 and at.area is not null
order by r.batch_id, r.received_at, r.ts, r.seq
