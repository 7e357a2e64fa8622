-- name: note
-- a row that could not be written; noted anew after a further try
update device_import i
set faults = (
    select coalesce(jsonb_agg(f), '[]') || jsonb_build_array(
        jsonb_build_object('line', r.line, 'code', r.code, 'error', $3::text))
    from jsonb_array_elements(i.faults) f where (f ->> 'line')::integer <> r.line)
from device_import_row r
where i.id = $1 and r.import_id = i.id and r.number = $2

-- name: strike
update device_import i
set faults = (
    select coalesce(jsonb_agg(f), '[]') from jsonb_array_elements(i.faults) f where (f ->> 'line')::integer <> r.line)
from device_import_row r
where i.id = $1 and r.import_id = i.id and r.number = $2

-- name: faults
select r.number, r.line, r.code, f ->> 'error' as error, r.changes -> 'registered' -> 'from' = 'null' as new
from device_import i
cross join lateral jsonb_array_elements(i.faults) f
join device_import_row r on r.import_id = i.id and r.line = (f ->> 'line')::integer
where i.id = :import_id
order by r.line

-- name: asked
-- imports whose faulty rows a person wants tried again
select (detail ->> 'import_id')::bigint as import_id
from set_aside
where program = 'api' and kind = 'import' and done_at is null and retry_requested_at is not null
  and jsonb_typeof(detail -> 'import_id') = 'number'
order by id

-- name: forget
delete from device_import i
where done_at < $1
  and not exists (
    select from set_aside a
    where a.program = 'api' and a.kind = 'import' and a.done_at is null and a.name = 'import:' || i.id)
