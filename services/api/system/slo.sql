-- name: clocks
-- :areas are code prefixes, :everywhere says that none is needed; from :since to :until
with seen_alarm as (
    select a.* from alarm a
    where a.opened_at > :since and a.opened_at <= :until
      and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(a.area, p)))
), took (name, seconds) as (
    -- the message that raised it was received -> the alarm is committed, which is when every screen is told
    select 'report_to_visible', extract(epoch from a.opened_at - e.received_at)
    from seen_alarm a
    cross join lateral (
        select e.received_at from event e
        where e.device_id = a.device_id and e.component = a.component and e.active
          and e.received_at <= a.opened_at and e.received_at > a.opened_at - interval '10 minutes'
          and e.ts > a.opened_at - interval '1 day' and e.ts < a.opened_at + interval '1 hour'
          and e.ts > cast(:since as timestamptz) - interval '1 day'     -- leaves other chunks aside
          and e.ts < cast(:until as timestamptz) + interval '1 hour'
          -- of the sort that raises this alarm: one that readings raised is not measured by what else was reported
          and a.code = case e.type
              when 'manual_alarm' then 'fire'
              when 'mains_fault' then 'power_fault' when 'battery_fault' then 'power_fault'
              when 'bus_fault' then 'link_fault' when 'line_fault' then 'link_fault'
              else case when e.type in (
                  'fire', 'prealarm', 'fault', 'disabled', 'supervisory', 'tamper', 'power_fault', 'link_fault', 'arc_fault',
                  'started', 'feedback', 'delay', 'silence', 'test', 'guard_reply', 'operation', 'reset')
                  then e.type else 'fault' end
              end
        order by e.received_at desc limit 1
    ) e
    where a.code in ('fire', 'prealarm', 'fault', 'disabled', 'supervisory', 'tamper', 'power_fault', 'link_fault', 'arc_fault')
    union all
    -- one that has not arrived counts up to :until, so that a month that is over stays as it was; who withdraws one does
    -- so because another tells 119
    select 'confirmation_to_dispatch',
           extract(epoch from least(coalesce(n.delivered_at, cast(:until as timestamptz)), :until) - n.created_at)
    from notice n join alarm a on a.id = n.alarm_id
    where n.type = 'fire.confirmed' and n.channel = 'desk' and n.state <> 'withdrawn'
      and n.created_at > :since and n.created_at <= :until
      and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(a.area, p)))
    union all
    -- the first verdict on each fire; lines of other fires that it touched were once written as a verdict, too
    select 'verification', extract(epoch from t.at - o.at)
    from alarm_onsets(:since, :until) o
    cross join lateral (
        select t.at from alarm_transition t
        where t.alarm_id = o.alarm_id and t.act = 'verify' and t.outcome = 'verified'
            and t.number > o.number and (o.next is null or t.number < o.next)
        order by t.number limit 1) t
    where o.category = 'fire'
      and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(o.area, p)))
    union all
    select 'event_to_commit', extract(epoch from b.committed_at - e.received_at)
    from ingest_batch b
    join event e on e.batch_id = b.id and e.ts between b.min_ts and b.max_ts
     and e.ts > cast(:since as timestamptz) - interval '31 days'        -- no event is older than its message by more
     and e.ts < cast(:until as timestamptz) + interval '1 hour'
    join device d on d.id = e.device_id
    where b.committed_at > :since and b.committed_at <= :until and b.lane = 'event' and b.events > 0
      and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p)))
)
select l.name, l.limit_s, count(t.seconds) as count,
       percentile_cont(0.5) within group (order by t.seconds)::float8 as p50_s,
       percentile_cont(0.95) within group (order by t.seconds)::float8 as p95_s,
       percentile_cont(0.99) within group (order by t.seconds)::float8 as p99_s,
       count(*) filter (where t.seconds > l.limit_s) as breaches
from (values ('report_to_visible', 10.0, 1), ('confirmation_to_dispatch', 3.0, 2), ('event_to_commit', 1.0, 3),
             ('verification', 180.0, 4)) as l (name, limit_s, place)
left join took t on t.name = l.name
group by l.name, l.limit_s, l.place
order by l.place

-- name: loss
select coalesce(sum(q.gaps), 0)::bigint as gaps, coalesce(sum(q.duplicates), 0)::bigint as duplicates,
       coalesce(sum(q.late), 0)::bigint as late, coalesce(sum(q.rejects), 0)::bigint as rejects,
       coalesce(sum(q.restarts), 0)::bigint as restarts
from device_quality q join device d on d.id = q.device_id
where q.hour > cast(:since as timestamptz) - interval '1 hour'
  and q.hour < cast(:until as timestamptz) + interval '1 hour'  -- a clock that was ahead left hours that are to come
  and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p)))

-- name: loss_total
select coalesce(sum(q.gaps), 0)::bigint as gaps, coalesce(sum(q.duplicates), 0)::bigint as duplicates,
       coalesce(sum(q.late), 0)::bigint as late, coalesce(sum(q.rejects), 0)::bigint as rejects,
       coalesce(sum(q.restarts), 0)::bigint as restarts
from (
    select s.device_id, s.gaps, s.duplicates, s.late, s.rejects, s.restarts from device_quality_sum s
    union all
    select q.device_id, q.gaps, q.duplicates, q.late, q.rejects, q.restarts
    from device_quality q left join device_quality_sum s on s.device_id = q.device_id
    where q.hour >= coalesce(s.hours_before, '-infinity')
) q
join device d on d.id = q.device_id
where :everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p))

-- name: stored
select coalesce(sum(hydrant + electrical + water + panel + events), 0)::bigint as stored
from ingest_batch where committed_at > :since
