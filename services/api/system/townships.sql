-- name: add
-- nothing comes back: there is one of that name. Its key is nobody's: the link does not end with the administrator who
-- made it.
with key as (
    insert into api_key (name, key_hash, hint, role, areas, created_by, created_at)
    select $3, $4, $5, $6, $2, 'township:' || $1, $8 where not exists (select from township where name = $1)
    on conflict (name) do nothing
    returning id
)
insert into township (name, areas, api_key_id, created_by, created_at, broker)
select $1, $2::text[], key.id, $7::text, $8::timestamptz, $9::text from key
on conflict (name) do nothing
returning *

-- name: tell
-- ingest learns for whose devices its account may speak
select pg_notify('firetower_registry', '')

-- name: remove
with ended as (delete from township where name = $1 returning name, api_key_id),
-- its name may be used again
renamed as (
    update api_key k set revoked_at = coalesce(k.revoked_at, clock_timestamp()), name = k.name || ' (' || k.id || ')'
    from ended where k.id = ended.api_key_id)
select name from ended
