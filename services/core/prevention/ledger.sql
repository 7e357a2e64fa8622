-- name: add
insert into hazard (device_id, site_id, component, code, grade, source, state, owner, due, description, description_en,
                    cause, found_at, found_by, updated_at)
values ($1, $2, $3, $4, $5, $6, 'found', $7, $8, $9, $10, $11, $12, $13, $12)
on conflict (cause) where state <> 'verified' do nothing
returning id

-- name: lock
select h.*, coalesce(d.area, s.area) as area
from hazard h left join device d on d.id = h.device_id left join site s on s.id = h.site_id
where h.id = $1
for no key update of h

-- name: write
update hazard set
    state = $2, code = $3, grade = $4, owner = $5, due = $6, description = $7, description_en = $8,
    assigned_at = $9, assigned_by = $10, rectified_at = $11, rectified_by = $12, rectified_person = $13,
    closed_at = $14, closed_by = $15, closed_as = $16, supervised_at = $17, supervised_by = $18, authority = $19,
    cause_gone_at = $20, version = version + 1, updated_at = $21
where id = $1

-- name: open_twin
select id from hazard where cause = $1 and state <> 'verified' and id <> $2

-- name: add_step
insert into hazard_step (hazard_id, number, at, actor, act, from_state, to_state, note, detail)
select $1, 1 + coalesce(max(number), 0), $2, $3, $4, $5, $6, $7, $8 from hazard_step where hazard_id = $1

-- name: audit
insert into audit (at, actor, action, target, detail) values ($1, $2, $3, $4, $5)

-- name: read
-- A site is named beside its device only where it lies in the device's area: whoever may see one may see the other.
select h.*, d.code as device, d.name as device_name, d.kind as device_kind, coalesce(d.area, s.area) as area,
       s.id as shown_site_id, s.name as site_name, coalesce(d.lon, s.lon) as lon, coalesce(d.lat, s.lat) as lat
from hazard h left join device d on d.id = h.device_id
    left join site s on s.id = coalesce(h.site_id, d.site_id) and (d.id is null or starts_with(s.area, d.area))
where h.id = $1
