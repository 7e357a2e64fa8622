-- name: told_until
select number from feed_cursor where writer = 'relay acts'

-- name: tell_until
insert into feed_cursor (writer, number, updated_at) values ('relay acts', $1, clock_timestamp())
on conflict (writer) do update set number = excluded.number, updated_at = excluded.updated_at

-- name: known
select act_id from carried_act where act_id = any($1::uuid[])

-- name: missed
-- nothing here fits it: it is not looked for again
insert into carried_act (act_id, act, outcome, actor, note, at, origin, result, carried_at)
values ($1, $2, $3, $4, $5, $6, $7, 'no_alarm', $6) on conflict do nothing

-- name: tell
select pg_notify('firetower_alarm', '')
