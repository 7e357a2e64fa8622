-- name: list
-- A hand-over is seen by those whose areas cover all the areas of the one who signed it.
select h.id, h.shift, h.from_at as begun_at, h.to_at as ended_at, h.signed_at, h.signed_by, h.areas, h.remarks,
       h.open_total, h.closed_total, a.accepted_at, a.accepted_by, a.remarks as accepted_remarks
from handover h left join handover_acceptance a on a.handover_id = h.id
where h.id < :before
  and (:everywhere or (cardinality(h.areas) > 0 and not exists (
        select from unnest(h.areas) own
        where not exists (select from unnest(cast(:areas as text[])) p where starts_with(own, p)))))
order by h.id desc
limit :most

-- name: find
select h.id, h.shift, h.from_at as begun_at, h.to_at as ended_at, h.signed_at, h.signed_by, h.areas, h.remarks,
       h.open_total, h.closed_total, a.accepted_at, a.accepted_by, a.remarks as accepted_remarks, h.content
from handover h left join handover_acceptance a on a.handover_id = h.id
where h.id = :id
  and (:everywhere or (cardinality(h.areas) > 0 and not exists (
        select from unnest(h.areas) own
        where not exists (select from unnest(cast(:areas as text[])) p where starts_with(own, p)))))

-- name: sign
insert into handover
    (signed_at, signed_by, areas, shift, from_at, to_at, remarks, open_total, closed_total, content)
values ($1, $2, $3, $4, $5, $1, $6, $7, $8, $9::text::jsonb) returning id

-- name: accept
insert into handover_acceptance (handover_id, accepted_at, accepted_by, remarks)
values ($1, $2, $3, $4) on conflict do nothing returning handover_id
