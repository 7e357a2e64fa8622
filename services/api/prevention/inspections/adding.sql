-- name: take_turn
-- two that are the same come one after the other
select pg_advisory_xact_lock(hashtextextended('firetower.inspection ' || $1::text, 0))

-- name: device
select id, area, kind from device where code = $1

-- name: site
select id, area from site where id = $1

-- name: stored
select id, digest, inspected_by from inspection where request_id = $1

-- name: open_hazard
select id from hazard where cause = $1 and state <> 'verified'

-- name: add
insert into inspection (request_id, digest, device_id, site_id, checklist, inspected_at, received_at, inspected_by,
                        answers, failed, note, hazards, photo_type)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
returning id

-- name: add_photo
insert into inspection_photo (inspection_id, content) values ($1, $2)
