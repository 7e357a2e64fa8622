-- name: refused
-- What was refused in these batches, the first of each topic; $4: only events on a channel where none is heard, which say
-- so in their detail.
select topic, reason
from (
    select distinct on (r.topic) r.topic, r.reason, r.id
    from reject r
    where r.batch_id = any($1::bigint[]) and r.received_at between $2 and $3 and not r.stored
        and ($4::text is null or starts_with(r.detail, $4))
    order by r.topic, r.id) as first
order by id
