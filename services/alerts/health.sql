-- name: dispatch
-- Notices of the desk that nobody has accepted for too long, and dead ones that no person has dealt with since.
select
    count(*) filter (where n.state in ('waiting', 'held')) as overdue,
    count(*) filter (where n.state = 'waiting' and n.fire) as overdue_fires,
    count(*) filter (where n.state = 'dead') as dead,
    min(n.created_at) as oldest,
    -- since when 119 lacks the newest fire that it should know of; news about one that it knows of is not that
    max(case n.state when 'dead' then n.dead_at else coalesce(n.released_at, n.created_at) end)
        filter (where n.type in ('fire.confirmed', 'alarm.escalated')) as newest_fire,
    (array_agg(n.last_error order by n.created_at desc) filter (where n.last_error is not null))[1] as error
from notice n
where n.channel = 'desk' and (
    -- beyond $2: by a clock that was set back since, so nobody knows for how long
    (n.state = 'waiting' and (coalesce(n.released_at, n.created_at) < $1 or coalesce(n.released_at, n.created_at) > $2)
        -- what stands behind a held one waits for a person, and not for the desk
        and not exists (select from notice h
            where h.alarm_id = n.alarm_id and h.channel = n.channel and h.state = 'held' and h.number < n.number))
    -- a held one raises nothing, but until the desk takes anything it ends nothing either
    or (n.state = 'held'
        and exists (select from alarm
            where subject = 'system' and code = 'dispatch_failed' and state <> 'closed' and cleared_at is null)
        and n.created_at > coalesce(greatest(
            (select max(delivered_at) from notice where channel = 'desk' and delivered_at < $2),
            -- what was sent again keeps the time of its first delivery, and was taken after that was asked for
            (select max(released_at) from notice
             where channel = 'desk' and released_at > delivered_at and state = 'delivered' and released_at < $2)),
            '-infinity'))
    or (n.state = 'dead' and n.dead_at > coalesce(
        (select max(closed_at) from alarm
         where subject = 'system' and code = 'dispatch_failed' and closed_at < $2), '-infinity'))
    -- a fire that was refused just before somebody dealt with it, and that the alarm did not count yet
    or (n.state = 'dead' and n.type in ('fire.confirmed', 'alarm.escalated') and exists (
        select from (
            select opened_at, closed_at, life ->> 'news_at' as counted from alarm
            where subject = 'system' and code = 'dispatch_failed' and closed_at < $2
            order by closed_at desc limit 1) a
        where n.dead_at <= a.closed_at and n.dead_at > a.closed_at - interval '1 minute'
            and n.dead_at > coalesce(a.counted::timestamptz, a.opened_at))))

-- name: not_carried
select count(*) as waiting, max(created_at) as newest
from notice where channel = 'desk' and state = 'waiting' and type = 'fire.confirmed' and (created_at < $1 or created_at > $2)

-- name: lanes
select writer, lane, session_lost_at, sessions_lost, watermark, oldest_unacked_s, updated_at
from ingest_lane order by writer

-- name: connections
-- the lane that hears the broker's counters; the last known value, if the limit was set
select connections, connections_limit from ingest_lane
where connections is not null and connections_limit > 0 order by updated_at desc limit 1

-- name: copies
select folder, since, copied_at, logged_at, error from backup_status

-- name: townships
select name, last_heard from township where last_heard < $1 order by name

-- name: open_system
select code, component, severity, reason, cleared_at is null as active, life ? 'latched' as latched,
    life ->> 'news_at' as news_at
from alarm where subject = 'system' and state <> 'closed' and code = any($1::text[])

-- name: set_aside
select distinct on (program, kind) program, kind, name, error,
    count(*) over w as units, bool_or(fire) over w as fire, max(first_at) filter (where set_aside.fire) over w as newest_fire
from set_aside
where done_at is null
window w as (partition by program, kind)
order by program, kind, set_aside.fire desc, last_at desc

-- name: clocks
-- of the last alarms: those of a year that was never do not count for ever once the clock is right
select clock_timestamp() as now,
    (select max(opened_at) from (select opened_at from alarm order by id desc limit 20) a
     where opened_at < '9000-01-01') as newest_alarm
