-- name: forget_keys
delete from idempotency_key where created_at < $1

-- name: forget_sessions
delete from web_session where expires_at < $1
