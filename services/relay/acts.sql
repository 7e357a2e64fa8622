-- name: waiting
-- Said here, and not answered by the county: of each alarm the oldest, because the order matters; not those in $1, which
-- were asked a moment ago. passed: all that was committed before it was said is carried, so its alarm is due there.
with open_rows as (
    select min(b.committed_at) as since
    from ingest_lane i
    cross join lateral (
        select coalesce(min(c.number), 0) as number from feed_cursor c
        where c.writer in (
            i.writer || ' relay fires', i.writer || ' relay events', i.writer || ' relay readings')) r
    cross join lateral (
        select * from ingest_batch b
        where b.writer = i.writer and b.number > r.number
            and b.events + b.hydrant + b.electrical + b.water + b.panel > 0
        order by b.number limit 1) b
)
select c.id, c.act_id, c.act, c.outcome, c.actor, c.note, c.at, c.correction, c.reported_at,
    array(  -- what was said of it before, here or at the county
        select f.act_id from carried_act f
        where f.alarm_id = a.id and f.id < c.id and f.result is distinct from 'no_alarm'
            and f.answer ->> 'reported_since' is null
        order by f.id desc limit 20
    ) as earlier,
    a.id as alarm_id, a.code, a.component, a.opened_at,
    d.code as device, case when a.device_id is null then a.area end as area,
    c.at < coalesce(o.since, 'infinity') as passed
from open_rows o, carried_act c
join alarm a on a.id = c.alarm_id
left join device d on d.id = a.device_id
where c.result is null and c.origin is null and c.id <> all($1::bigint[]) and goes_up(a)
    and not exists (
        select from carried_act f where f.alarm_id = a.id and f.id < c.id and f.result is null and f.origin is null)
order by c.id
limit 50

-- name: answered
update carried_act set result = $2, answer = $3, carried_at = $4 where id = $1
