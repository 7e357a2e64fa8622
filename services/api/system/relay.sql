-- name: township_of_key
select t.name, t.areas from township t join api_key k on k.id = t.api_key_id where k.key_hash = cast(:key as bytea)

-- name: stored
-- {table} is of the kind. Not limited to the areas of the relay: it names each row by its key, so that it learns nothing
-- but what it knows, and a device that the county moved elsewhere must not hold up its log.
select r.place
from unnest(cast(:places as integer[]), cast(:codes as text[]), cast(:times as bigint[]), cast(:seqs as bigint[]))
    as r (place, code, ts, seq)
join device d on d.code = r.code
join {table} x on x.device_id = d.id and x.ts = from_us(r.ts) and x.seq = r.seq
where x.ts between from_us(cast(:first as bigint)) and from_us(cast(:last as bigint))

-- name: refused
select r.place
from unnest(cast(:places as integer[]), cast(:codes as text[]), cast(:digests as text[])) as r (place, code, digest)
join device d on d.code = r.code
join reject x on x.device_id = d.id and x.received_at > :since and not x.stored
where encode(sha256(x.payload), 'hex') = r.digest

-- name: report
update township set
    last_heard = $2, version = $3, backlog_rows = $4, backlog_s = $5,
    -- it never goes back, unless our own clock was set back
    heard_until = case when heard_until > $2 or heard_until is null then $6::timestamptz
                       else greatest(heard_until, $6::timestamptz) end,
    heard_since = coalesce($7::timestamptz, heard_since)
where name = $1

-- name: command_reply
update command c set state = $2, replied_at = $3, reply = $4, error = $5
from device d
where c.id = $1 and d.id = c.device_id and c.replied_at is null and c.state in ('queued', 'sent', 'unanswered')
    and exists (select from unnest($6::text[]) p where starts_with(d.area, p))
