-- name: add_key
insert into api_key (name, key_hash, hint, role, areas, created_by, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (name) do nothing returning *

-- name: find_key
select name, areas from api_key where id = $1

-- name: revoke_key
update api_key set revoked_at = coalesce(revoked_at, $2) where id = $1
