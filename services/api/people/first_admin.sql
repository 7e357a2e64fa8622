-- name: set_admin
insert into person (username, name, password_hash, role, areas)
    values ($1, '管理员', $2, 'administrator', '{*}')
    on conflict (username) do update set password_hash = excluded.password_hash, role = 'administrator',
        areas = '{*}', enabled = true, version = person.version + 1, updated_at = now()
    returning id

-- name: password_of
select password_hash from person where username = $1 and enabled

-- name: end_sessions
delete from web_session where person_id = $1

-- name: set_key
insert into api_key (name, key_hash, hint, role, areas, created_by)
    values ($1, $2, $3, 'administrator', '{*}', 'setup')
    on conflict (name) do update set key_hash = excluded.key_hash, hint = excluded.hint, revoked_at = null,
        role = 'administrator', areas = '{*}', expires_at = null

-- name: audit
insert into audit (actor, action, target) values ('setup', $1, $2)

-- name: lock_people
lock table person in share row exclusive mode

-- name: has_people
select exists (select from person)
