-- name: load
select
    count(*) filter (where opened_at > $1::timestamptz - interval '10 minutes') as per_10min,
    count(*) as day,
    count(*) filter (where severity = 'critical') as critical,
    count(*) filter (where severity = 'major') as major,
    count(*) filter (where severity = 'minor') as minor,
    count(*) filter (where severity = 'info') as info
from alarm where opened_at > $1::timestamptz - interval '24 hours'

-- name: chattering
select count(distinct alarm_id)
from (
    select t.alarm_id, t.at, lag(t.at, 2) over (partition by t.alarm_id order by t.at) as third
    from alarm a join alarm_transition t on t.alarm_id = a.id
    where a.updated_at > $1::timestamptz - interval '1 hour' -- each line writes its alarm, and this has an index
        and t.at > $1::timestamptz - interval '1 hour' and t.outcome in ('opened', 'reopened', 'repeated')) t
where at - third <= interval '1 minute'

-- name: stale
select count(*) from alarm
where state <> 'closed' and cleared_at is null and coalesce(since, opened_at) < $1::timestamptz - interval '24 hours'

-- name: top10
select coalesce(sum(alarms), 0) from (
    select count(*) as alarms from alarm where opened_at > $1::timestamptz - interval '24 hours'
    group by subject, code, component order by 1 desc limit 10) t

-- name: open
select category, severity, count(*) as alarms from alarm where state <> 'closed' group by category, severity
