-- name: set_aside
insert into set_aside (program, kind, name, area, fire, error, detail, first_at, last_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
on conflict (program, kind, name) where done_at is null do update set
    error = excluded.error, detail = excluded.detail, last_at = excluded.last_at, failures = set_aside.failures + 1,
    retry_requested_at = null, retry_requested_by = null

-- name: open_of
select id, kind, name, area, fire, detail, retry_requested_at from set_aside where program = $1 and done_at is null
order by id

-- name: over
update set_aside set done_at = $4, result = 'done' where program = $1 and kind = $2 and name = $3 and done_at is null
