-- name: sessions
select s.token_hash, s.expires_at, p.id, p.username, p.name, p.role, p.areas, p.language
from web_session s join person p on p.id = s.person_id
where s.token_hash = any(cast(:hashes as bytea[])) and s.expires_at > :now and p.enabled

-- name: renew_session
update web_session set expires_at = $2 where token_hash = $1

-- name: keys
-- a key counts for nothing while a person who made it, or made the key that made it, is disabled; `makers` are these
with recursive maker as (
    select k.key_hash, k.created_by, 0 as steps from api_key k where k.key_hash = any(cast(:hashes as bytea[]))
    union all
    select m.key_hash, k.created_by, m.steps + 1
    from maker m join api_key k on k.name = substring(m.created_by from 5)
    where starts_with(m.created_by, 'key:') and m.steps < 20
)
select k.key_hash, k.name, k.role, k.areas,
    array(select jsonb_build_object('role', p.role, 'areas', p.areas)
          from maker m join person p on p.username = substring(m.created_by from 6)
          where m.key_hash = k.key_hash and starts_with(m.created_by, 'user:')) as makers
from api_key k
where k.key_hash = any(cast(:hashes as bytea[])) and k.revoked_at is null and (k.expires_at is null or k.expires_at > :now)
  and not exists (
      select from maker m join person p on p.username = substring(m.created_by from 6)
      where m.key_hash = k.key_hash and starts_with(m.created_by, 'user:') and not p.enabled)
