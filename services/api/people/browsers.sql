-- name: browser
select coalesce(k.is_on, false) as offered, case when k.is_on then k.public_key end as public_key,
    p.session_hash is not null as on, p.language, p.last_at, p.accepted_at, p.last_error
from (select) as one
left join web_push_state k on true
left join web_push p on p.session_hash = :session

-- name: public_key
select public_key from web_push_state where is_on

-- name: leave_to
-- the endpoint is one browser: whoever signed in there last is told
delete from web_push where endpoint = $1 and session_hash <> $2

-- name: tell
insert into web_push (session_hash, person_id, endpoint, p256dh, auth, public_key, language, created_at, told_to)
values ($1, $2, $3, $4, $5, $6, $7, $8, (select coalesce(max(number), 0) from subscription_event))
on conflict (session_hash) do update set endpoint = excluded.endpoint, p256dh = excluded.p256dh, auth = excluded.auth,
    public_key = excluded.public_key, language = excluded.language,
    -- the same browser again, which every page says that is opened: nothing is new
    created_at = case when web_push.endpoint = excluded.endpoint then web_push.created_at else excluded.created_at end,
    greeting = web_push.greeting or web_push.endpoint <> excluded.endpoint
returning created_at = $8

-- name: bound
delete from web_push where person_id = $1 and session_hash not in (
    select session_hash from web_push where person_id = $1 order by created_at desc, session_hash limit $2)

-- name: leave
delete from web_push where session_hash = $1 returning true

-- name: audit
insert into audit (at, actor, action, target) values ($1, $2, $3, $4)
