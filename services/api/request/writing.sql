-- name: audit
insert into audit (at, actor, action, target, detail) values ($1, $2, $3, $4, $5)

-- name: first_answer
select request, status, headers, body from idempotency_key where actor = $1 and key = $2

-- name: use_key
insert into idempotency_key (actor, key, request, status, created_at) values ($1, $2, $3, 0, $4)
    on conflict (actor, key) do nothing returning true

-- name: forget
delete from idempotency_key where actor = $1 and key = $2

-- name: keep_answer
update idempotency_key set status = $3, headers = $4, body = $5 where actor = $1 and key = $2
