-- name: refused
-- What was refused in these batches, the first of each topic; $2: only events on a channel where none is heard, which say
-- so in their detail.
select topic, reason
from (
    select distinct on (r.topic) r.topic, r.reason, r.id
    from reject r
    where r.batch_id = any($1::bigint[]) and not r.stored
        and ($2::text is null or starts_with(r.detail, $2))
    order by r.topic, r.id) as first
order by id
