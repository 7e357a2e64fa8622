-- name: set_policy
insert into policy as p (name, body, updated_by, updated_at) values ($1, $2, $3, $4)
    on conflict (name) do update set version = p.version + 1,
        updated_by = excluded.updated_by, updated_at = excluded.updated_at,
        body = case jsonb_typeof(p.body) when 'object' then p.body else '{}' end || excluded.body
    returning version

-- name: lock_policy
select version, body::text as body from policy where name = $1 for update
