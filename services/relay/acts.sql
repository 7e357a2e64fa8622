-- name: waiting
-- said here, and not answered by the county; an alarm of ours about ourselves is nobody else's
select c.id, c.act_id, c.act, c.outcome, c.actor, c.note, c.at, a.id as alarm_id, a.code, a.component, a.opened_at,
    d.code as device, case when a.device_id is null then a.area end as area
from carried_act c
join alarm a on a.id = c.alarm_id
left join device d on d.id = a.device_id
where c.result is null and c.origin is null and a.category <> 'system'
    and (a.device_id is not null or starts_with(a.subject, 'area:'))
    and exists (select from unnest($1::text[]) p where starts_with(a.area, p))
order by c.id
limit 50

-- name: answered
update carried_act set result = $2, answer = $3, carried_at = $4 where id = $1

-- name: told_until
select number from feed_cursor where writer = 'relay acts'

-- name: tell_until
insert into feed_cursor (writer, number, updated_at) values ('relay acts', $1, clock_timestamp())
on conflict (writer) do update set number = greatest(feed_cursor.number, excluded.number), updated_at = now()

-- name: known
select act_id from carried_act where act_id = any($1::uuid[])

-- name: missed
-- nothing here fits it: it is not looked for again
insert into carried_act (act_id, act, outcome, actor, note, at, origin, result, carried_at)
values ($1, $2, $3, $4, $5, $6, $7, 'no_alarm', $6) on conflict do nothing

-- name: tell
select pg_notify('firetower_alarm', '')
