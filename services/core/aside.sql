-- name: set_aside
-- Beyond $9 units of a kind the rest is one line, named $10.
insert into set_aside (program, kind, name, area, fire, error, detail, first_at, last_at)
select $1, $2,
    case when exists (
            select from set_aside s where s.program = $1 and s.kind = $2 and s.name = $3 and s.done_at is null)
        or $9::bigint > (
            select count(*) from (
                select from set_aside s where s.program = $1 and s.kind = $2 and s.done_at is null limit $9) c)
        then $3::text else $10::text end,
    $4, $5, $6, $7, $8, $8
on conflict (program, kind, name) where done_at is null do update set
    error = excluded.error, detail = excluded.detail, last_at = excluded.last_at, failures = set_aside.failures + 1,
    retry_requested_at = null, retry_requested_by = null

-- name: open_of
-- Without the details: they hold whole messages.
select id, kind, name, fire, retry_requested_at
from set_aside
where program = $1 and done_at is null
order by retry_requested_at nulls last, fire desc, last_at
limit 12000

-- name: details
select kind, name, area, fire, detail from set_aside where id = any($1::bigint[]) order by array_position($1::bigint[], id)

-- name: over
update set_aside set done_at = $4, result = 'done' where program = $1 and kind = $2 and name = $3 and done_at is null

-- name: forget
delete from set_aside where done_at < $1
