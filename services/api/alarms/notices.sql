-- name: call_of
select convert_from(body, 'UTF8')::jsonb as body from notice where id = :id
