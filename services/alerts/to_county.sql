-- name: carried
-- A fire's notice ends once all events before it are carried, and what people said of its site before it. A verdict that
-- found no fire at the county was not told, unless the county gave one too. What nobody carries ends with its alarm.
-- A second less, because times of the database and of alerts are compared. Any other notice ends at once, because it
-- raises its alarm there too.
with open_events as (
    select min(b.committed_at) as since
    from ingest_lane i
    cross join lateral (
        select coalesce(min(c.number), 0) as number from feed_cursor c
        where c.writer in (i.writer || ' relay fires', i.writer || ' relay events')) r
    cross join lateral (
        select * from ingest_batch b
        where b.writer = i.writer and b.number > r.number and b.events > 0 order by b.number limit 1) b
    where i.lane = 'event'
), untold as (
    select o.id, o.scope, c.at
    from carried_act c
    join alarm o on o.id = c.alarm_id
    where c.origin is null and (c.result is null or (c.result = 'no_alarm' and c.outcome = 'real'))
        and (c.result is null or (o.state <> 'closed' and not exists (
            select from carried_act w where w.alarm_id = o.id and w.origin = 'county' and w.act = 'verify')))
), ended as (
    update notice n set state = 'withdrawn', last_error = 'the county tells 119'
    from open_events e, alarm a
    where a.id = n.alarm_id and n.channel = 'desk' and n.state in ('waiting', 'held')
        and case
            when not goes_up(a) then a.category = 'system' or a.state = 'closed'
            when not n.fire then true
            else n.created_at < coalesce(e.since - interval '1 second', 'infinity') and not exists (
                select from untold u where (u.id = a.id or u.scope = a.scope) and u.at <= n.created_at)
                and not exists (  -- a fire that was too large to be carried
                    select from set_aside s join device d on d.id = a.device_id
                    where s.program = 'relay' and s.fire and s.done_at is null and s.detail ->> 'device' = d.code) end
    returning n.id, n.alarm_id, n.type
)
select e.*, pg_notify('firetower_notice', '') from ended e

-- name: forget
-- There is no county any more, unless a relay works all the same: what waits for it is not kept, and people's acts are not
-- either. Where one comes again, its cursors start at the beginning of the log; what the county has it does not get twice.
with gone as (
    delete from relay_link
    where not exists (select from lease where name = 'relay' and expires_at > clock_timestamp())
    returning only_one
)
delete from feed_cursor where writer like '% relay %' and exists (select from gone)
