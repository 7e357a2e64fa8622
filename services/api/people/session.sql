-- name: forget_expired
-- one whose browser is told of fires stays, and opens no page any more: it is told until the person signs out
delete from web_session s
where s.expires_at < $1 and not exists (select from web_push p where p.session_hash = s.token_hash)

-- name: add_session
-- not with a password that was changed, nor for a person who was disabled, while it was being judged
insert into web_session (token_hash, person_id, created_at, expires_at)
select $1, p.id, $3, $4 from person p where p.id = $2 and p.enabled and p.password_hash = $5 for share
returning true

-- name: audit_start
insert into audit (at, actor, action, target, detail) values ($1, $2, 'session.start', $3, $4)

-- name: password_of
select password_hash from person where id = $1

-- name: set_password
update person set password_hash = $2, version = version + 1, updated_at = $3
where id = $1 and enabled and password_hash = $4 returning true

-- name: end_others
delete from web_session where person_id = $1 and token_hash is distinct from $2

-- name: audit_password
insert into audit (at, actor, action, target) values ($1, $2, 'user.password', $3)

-- name: end_session
delete from web_session where token_hash = $1

-- name: audit_end
insert into audit (at, actor, action, target) values ($1, $2, 'session.end', $3)

-- name: others
select s.created_at, s.expires_at, p.session_hash is not null as told
from web_session s
left join web_push p on p.session_hash = s.token_hash
where s.person_id = $1 and s.token_hash is distinct from $2 and (s.expires_at > $3 or p.session_hash is not null)
order by s.created_at desc limit 100

-- name: audit_end_others
insert into audit (at, actor, action, target, detail) values ($1, $2, 'session.end_others', $3, $4)
