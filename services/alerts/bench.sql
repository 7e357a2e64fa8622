-- name: has_news
-- Whether the registry ($1: the newest change met) or a rule's numbers ($2: the newest override met) have changed since.
select exists (select from device where updated_at > $1 and updated_at <= clock_timestamp())
    or coalesce((select max(id) from rule_parameter), 0) > $2

-- name: closed_by_people
-- Conditions that a person ended and that have not come back. If one has come back, its rule must not forget it.
select a.device_id, a.code, max(t.at) as at
from alarm a join alarm_transition t on t.alarm_id = a.id
where a.updated_at > $1 and t.at > $1 and a.state = 'closed' and a.device_id is not null
    and t.act in ('clear', 'verify') and t.to_state = 'closed'
    and not exists (select from alarm o where o.device_id = a.device_id and o.code = a.code and o.state <> 'closed')
group by a.device_id, a.code

-- name: ended_by_resets
-- Conditions that a reset ended and that have not come back, asked at a start: an earlier one may have ended before the
-- rules of the device had forgotten them.
select a.device_id, a.code, max(t.at) as at
from alarm a join alarm_transition t on t.alarm_id = a.id
where a.updated_at > $1 and t.at > $1 and a.cleared_at is not null and a.device_id is not null and a.code <> 'fire'
    and t.act = 'reset' and t.outcome in ('returned', 'closed')
    and not exists (
        select from alarm o where o.device_id = a.device_id and o.code = a.code and o.state <> 'closed' and o.cleared_at is null)
group by a.device_id, a.code
