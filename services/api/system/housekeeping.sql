-- name: forget_keys
delete from idempotency_key where created_at < $1

-- name: forget_sessions
-- one whose browser is told of fires stays: it is told until the person signs out
delete from web_session s
where s.expires_at < $1 and not exists (select from web_push p where p.session_hash = s.token_hash)
