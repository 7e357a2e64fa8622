-- name: refused
-- Rejects of these batches; $4: only for this reason.
select r.topic, r.reason, r.detail
from reject r
where r.batch_id = any($1::bigint[]) and r.received_at between $2 and $3 and not r.stored
    and ($4::text is null or r.reason = $4)
order by r.batch_id, r.id limit 50
