-- name: lasting
-- Alarms whose condition still stands, and that are old enough to be a hazard. All are open: an index holds these alone.
select a.code, a.device_id, a.component, coalesce(a.component_key, a.component) as key,
       coalesce(a.since, a.opened_at) as since, a.reason, a.reason_en, s.state, s.last_seen,
       d.kind, d.area, d.expected_interval_s, d.sleepy, d.rated_current_a, d.limits,
       -- or was within the time that it has to last: what the works brought about may not be over yet
       coalesce(d.out_of_service_until > case when a.code = any($1) then $2::timestamptz when a.code = any($3) then $4
                                              when a.code = 'device_offline' then $5 else $6 end, false)
           as is_out_of_service,
       s.ts as state_ts, s.received_at as state_received_at, s.state_at, s.clock_behind_s
from alarm a join device d on d.id = a.device_id left join device_state s on s.device_id = d.id
where a.state <> 'closed' and a.cleared_at is null
  and (a.code = 'insulation_ageing'
       or (d.kind = 'panel' and a.code = any($1) and coalesce(a.since, a.opened_at) <= $2)
       or (a.code = any($3) and coalesce(a.since, a.opened_at) <= $4)
       or (a.code = 'device_offline' and s.last_seen <= $5 and not s.is_online))
order by coalesce(a.since, a.opened_at)

-- name: false_alarms
-- components with $2 false alarms since $1: when the oldest of the newest $2 came
select device_id, component, key, since
from (select device_id, component, coalesce(component_key, component) as key, coalesce(since, opened_at) as since,
             row_number() over (partition by device_id, coalesce(component_key, component)
                                order by coalesce(since, opened_at) desc) as number
      from alarm where verification = 'false' and (opened_at > $1 or since > $1) and device_id is not null) f
where number = $2
order by since

-- name: standing
select id, cause, cause_gone_at from hazard
where source = 'system' and state <> 'verified' and cause is not null

-- name: judged
select cause, max(closed_at) as closed_at from hazard
where cause = any($1) and state = 'verified' and closed_as <> 'cause_gone' group by cause
