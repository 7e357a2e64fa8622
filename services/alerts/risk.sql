-- name: policy
select version, body::text as body from policy where name = 'risk'

-- name: facts
-- What is known of every site, grouped: how many of a code, since when, the first names. $1 now; $2, $3, $4 since when
-- false alarms, real fires and guard checks count; $5 the reach of water in metres; $6 codes of early warnings; $7 codes
-- that put a water source out; $8 the usual days between two inspections. Only what lies in a site's own area counts: whoever sees the site may see all of it.
with own as materialized (
    select d.id, d.kind, d.site_id, coalesce(nullif(d.name, ''), d.code) as name,
           coalesce(d.out_of_service_until > $1, false) as resting,
           case when d.registered and d.kind in ('hydrant', 'water')
               then inspection_interval_d(d.attributes, $8) end as inspection_d, d.created_at,
           st.last_seen is not null and not st.is_online as silent, coalesce(st.offline_since, st.last_seen) as silent_since
    from device d
    join site s on s.id = d.site_id and starts_with(d.area, s.area)
    left join device_state st on st.device_id = d.id
),
-- a fire stays where it was; any other alarm goes with its device
standing as materialized (
    select s.id as site_id, a.device_id, a.code, a.severity, coalesce(a.since, a.opened_at) as since,
           coalesce(nullif(d.name, ''), d.code) as name, d.kind in ('hydrant', 'water') as of_water
    from alarm a
    left join device d on d.id = a.device_id
    join site s on s.id = case when a.code = 'fire' then coalesce(a.site_id, d.site_id) else coalesce(d.site_id, a.site_id) end
        and starts_with(a.area, s.area)
    where a.state <> 'closed' and (a.code = 'fire' or a.cleared_at is null)
      and (not (a.drill or a.test_window) or a.verification = 'real')
),
out as materialized (
    select d.id, d.site_id, d.area, d.lon, d.lat, coalesce(nullif(d.name, ''), d.code) as name,
           least(a.since, case when st.last_seen is not null and not st.is_online then coalesce(st.offline_since, st.last_seen) end)
               as since
    from device d
    left join device_state st on st.device_id = d.id
    left join (
        select device_id, min(coalesce(since, opened_at)) as since from alarm
        where state <> 'closed' and cleared_at is null and code = any($7) group by device_id
    ) a on a.device_id = d.id
    where d.kind in ('hydrant', 'water')
      and (a.since is not null or (st.last_seen is not null and not st.is_online) or d.out_of_service_until > $1)
),
dry as materialized (
    select s.id as site_id, o.id, o.name, o.since
    from out o join site s on s.id = o.site_id and starts_with(o.area, s.area)
    union
    select s.id, o.id, o.name, o.since
    from out o
    join site s on starts_with(o.area, s.area)
        -- a box around it first, wide enough: the index of places holds that
        and s.lon between o.lon - $5 / (110000 * greatest(0.01, cos(radians(o.lat))))
                      and o.lon + $5 / (110000 * greatest(0.01, cos(radians(o.lat))))
        and s.lat between o.lat - $5 / 110000 and o.lat + $5 / 110000
    where power((s.lat - o.lat) * 111195, 2) + power((s.lon - o.lon) * 111195 * cos(radians(s.lat)), 2) <= power($5::float8, 2)
),
item (site_id, code, since, name) as (
    select site_id,
           case when code = 'fire' then 'fire_open' when code = any($6) then 'early_warning'
                when code = 'disabled' then 'facility_disabled' else 'alarm_' || severity end,
           since, name
    from standing
    where severity <> 'info' and code not in ('device_offline', 'device_unreadable')
      and not (of_water is true and code = any($7))  -- counts as water
    union all
    select site_id,
           case when resting then 'out_of_service' when kind = 'panel' then 'panel_silent' else 'device_silent' end,
           case when not resting then silent_since end, name
    from own
    where (resting or silent) and kind in ('panel', 'electrical')
    union all
    select s.id, k.code, case k.code when 'hazard_overdue' then h.due else h.found_at end, h.code
    from hazard h
    left join device d on d.id = h.device_id
    join site s on s.id = coalesce(h.site_id, d.site_id) and starts_with(coalesce(d.area, s.area), s.area)
    cross join lateral (values ('hazard_' || h.grade), (case when h.state in ('found', 'assigned') and h.due < $1 then 'hazard_overdue' end))
        as k (code)
    where h.state <> 'verified' and k.code is not null
    union all
    select site_id, 'water_unusable', since, name from dry
    union all
    select w.site_id, 'water_none', w.since, null
    from (select site_id, max(since) as since from dry group by site_id) w
    join site s on s.id = w.site_id
    where not exists (
        select from device d
        where d.kind in ('hydrant', 'water') and d.site_id = s.id and starts_with(d.area, s.area)
          and d.id not in (select id from out))
      and not exists (
        select from device d
        where d.kind in ('hydrant', 'water') and starts_with(d.area, s.area)
          and d.lon between s.lon - $5 / (110000 * greatest(0.01, cos(radians(s.lat))))
                        and s.lon + $5 / (110000 * greatest(0.01, cos(radians(s.lat))))
          and d.lat between s.lat - $5 / 110000 and s.lat + $5 / 110000
          and power((s.lat - d.lat) * 111195, 2) + power((s.lon - d.lon) * 111195 * cos(radians(s.lat)), 2) <= power($5::float8, 2)
          and d.id not in (select id from out))
    union all
    select s.id, 'false_alarms', coalesce(a.since, a.opened_at), coalesce(nullif(d.name, ''), d.code)
    from alarm a
    join site s on s.id = a.site_id and starts_with(a.area, s.area)
    left join device d on d.id = a.device_id
    where a.verification = 'false' and (a.opened_at > $2 or a.since > $2)
    union all
    select s.id, 'fire_recent', max(coalesce(a.since, a.opened_at)), null
    from alarm a
    join site s on s.id = a.site_id and starts_with(a.area, s.area)
    where a.verification = 'real' and a.state = 'closed' and a.code = 'fire' and (a.opened_at > $3 or a.since > $3)
    group by s.id
    union all
    select o.site_id, 'guard_unanswered', c.created_at, o.name
    from own o
    join command c on c.device_id = o.id
    where o.kind = 'panel' and c.command = 'guard_check' and c.created_at > $4 and c.state in ('late', 'unanswered')
    union all
    -- one that was never inspected counts from its registration: a new county owes nothing yet
    select o.site_id, 'inspection_overdue', i.due, o.name
    from own o
    cross join lateral (
        select coalesce((select max(inspected_at) from inspection where device_id = o.id), o.created_at)
               + make_interval(secs => o.inspection_d * 86400) as due
    ) i
    where o.inspection_d is not null and not o.resting and i.due <= $1
)
select site_id, code, count(*) as count, min(since) as since,
       (array_agg(distinct name order by name) filter (where name is not null))[1:4] as names
from item
group by site_id, code
order by site_id

-- name: stored
select s.id as site_id, s.area, r.score, r.grade, r.reasons, r.policy_version
from site s
left join site_risk r on r.site_id = s.id
order by s.id

-- name: take_turn
select pg_advisory_xact_lock(hashtext('firetower.risk'))

-- name: wait_a_moment
-- whoever holds a row holds up that site, not the county
set local lock_timeout = '200ms'

-- name: before
select s.id as site_id, s.name as site_name, s.area, s.lon, s.lat, r.score, r.grade, r.reasons, r.policy_version, r.since
from site s
left join site_risk r on r.site_id = s.id
where s.id = any($1::bigint[])
order by s.id

-- name: write
insert into site_risk (site_id, score, grade, reasons, policy_version, since, updated_at)
select w.site_id, w.score, w.grade, w.reasons, $2, $3, $3
from jsonb_to_recordset($1) as w (site_id bigint, score smallint, grade text, reasons jsonb)
on conflict (site_id) do update set
    score = excluded.score, grade = excluded.grade, reasons = excluded.reasons, policy_version = excluded.policy_version,
    since = case when site_risk.grade = excluded.grade then site_risk.since else excluded.since end,
    updated_at = excluded.updated_at

-- name: write_day
insert into site_risk_daily as t (site_id, day, score, grade, worst_score, worst_grade, policy_version)
select w.site_id, $3, w.score, w.grade, w.score, w.grade, $2
from jsonb_to_recordset($1) as w (site_id bigint, score smallint, grade text)
on conflict (site_id, day) do update set
    score = excluded.score, grade = excluded.grade, policy_version = excluded.policy_version,
    worst_score = greatest(t.worst_score, excluded.score),
    -- changed limits make a grade worse at the same score, or at a lower one
    worst_grade = case when array_position(array['blue', 'yellow', 'orange', 'red'], excluded.grade)
                            > array_position(array['blue', 'yellow', 'orange', 'red'], t.worst_grade)
        then excluded.grade else t.worst_grade end

-- name: begin_day
-- every site has a line of every day, whether anything changed or not
insert into site_risk_daily (site_id, day, score, grade, worst_score, worst_grade, policy_version)
select r.site_id, $1, r.score, r.grade, r.score, r.grade, r.policy_version
from site_risk r
where not exists (select from site_risk_daily t where t.site_id = r.site_id and t.day = $1)
on conflict do nothing

-- name: forget_days
delete from site_risk_daily where day < $1

-- name: looked
insert into risk_look (at) values ($1) on conflict (only_one) do update set at = excluded.at
