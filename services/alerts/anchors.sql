-- name: last_anchor
select id, at, heads, signature from alarm_anchor order by id desc limit 1

-- name: anchored_at
select at from alarm_anchor where at <= $1 order by id desc limit 1

-- name: changed_heads
select id, transitions, encode(head, 'hex') as head
from alarm where updated_at >= $1 and head is not null order by id

-- name: add_anchor
insert into alarm_anchor (at, chains, heads, detail, previous, signature) values ($1, $2, $3, $4, $5, $6) returning id

-- name: old_alarms
select id, transitions, encode(head, 'hex') as head
from alarm where state = 'closed' and closed_at < $1 order by id limit 500 for update

-- name: retire
with
    attempts as (
        delete from notice_attempt where notice_id in (select id from notice where alarm_id = any($1::bigint[]))),
    lines as (delete from alarm_transition where alarm_id = any($1::bigint[])),
    timers as (delete from alarm_timer where alarm_id = any($1::bigint[]))
select 1

-- name: retire_notices
delete from notice where alarm_id = any($1::bigint[])

-- name: retire_alarms
delete from alarm where id = any($1::bigint[])

-- name: retire_incidents
delete from incident i
where i.closed_at < $1 and not exists (select from alarm a where a.incident_id = i.id)
    and not exists (select from notice n where n.incident_id = i.id)
