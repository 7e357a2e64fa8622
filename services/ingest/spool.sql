-- name: hold
-- the lease as it stands: a batch prolongs it, the spool only asks
select from lease where name = $1 and owner = $2::uuid for share

-- name: found
select number, sender, bytes from spool where writer = $1 and number > $2 order by number

-- name: put
insert into spool (writer, number, sender, topics, payloads, retained, received_us, township_us, bytes)
select $1, $2, $3, $4::text[], $5::bytea[], $6::boolean[], $7::bigint[], $8::bigint[], $9

-- name: fetch
select number, topics, payloads, retained, received_us, township_us from spool where writer = $1 and number = any($2::bigint[])

-- name: strike
delete from spool where writer = $1 and number = any($2::bigint[])

-- name: adopt
-- blocks of writers that nobody owns any more, behind our own: after a change of the partitions
with left_over as materialized (
    select s.writer, s.number
    from spool s
    where s.writer <> $1 and not exists (
        select from lease l where l.name = 'ingest:' || s.writer and l.expires_at > clock_timestamp() - interval '1 minute')
    for update skip locked
),
placed as (select writer, number, row_number() over (order by writer, number) as place from left_over)
update spool s set writer = $1, number = $2 + p.place
from placed p
where s.writer = p.writer and s.number = p.number
