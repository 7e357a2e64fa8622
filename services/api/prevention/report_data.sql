-- Of a month: from :begin to :until, in the areas of :everywhere, :county and :areas. No hypertable is read.

-- name: alarms
select category, severity, verification, count(*) as alarms
from alarm_onsets(:begin, :until)
-- what belongs to no township, our own alarms, is the county's
where (:everywhere or (area is null and :county)
       or exists (select from unnest(cast(:areas as text[])) p where starts_with(area, p)))
group by category, severity, verification

-- name: fires_by_site
select s.id, s.name, s.area, count(*) as fires,
       count(*) filter (where a.verification = 'real') as "real", count(*) filter (where a.verification = 'false') as "false",
       count(*) filter (where a.verification = 'test') as test, count(*) filter (where a.verification = 'pending') as pending
from alarm_onsets(:begin, :until) a
join site s on s.id = a.site_id
where a.category = 'fire'
  and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(a.area, p) and starts_with(s.area, p)))
group by s.id
order by count(*) filter (where a.verification = 'false') desc, count(*) desc, s.id
limit :most

-- name: availability
-- of registered devices, by kind: how long an alarm of :codes stood, two at once counted once
with mine as (
    select d.id, d.kind, greatest(d.created_at, cast(:begin as timestamptz)) as since
    from device d
    where d.registered and d.created_at < :until and d.kind = any(cast(:kinds as text[]))
      and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p)))
), away as (
    select m.id, count(*) as times,
           range_agg(tstzrange(greatest(o.at, m.since), least(coalesce(o.over_at, cast(:until as timestamptz)), :until))) as spans
    from mine m
    join alarm a on a.device_id = m.id
    cross join lateral (
        select a.opened_at as at, coalesce(a.cleared_at, a.closed_at) as over_at where a.since is null
        union all
        -- one row may tell of several times, when nobody closed it in between
        select t.at, t.over_at
        from (select l.at, lead(l.at) over (order by l.number) as over_at, l.outcome
              from alarm_transition l
              where l.alarm_id = a.id and a.since is not null
                and (l.outcome in ('opened', 'reopened', 'returned') or l.to_state = 'closed')) t
        where t.outcome in ('opened', 'reopened')
    ) o
    where a.code = any(cast(:codes as text[])) and a.opened_at < :until and (a.closed_at is null or a.closed_at > :begin)
      and least(coalesce(o.over_at, cast(:until as timestamptz)), :until) > greatest(o.at, m.since)
    group by m.id
)
select m.kind, count(*) as devices, count(a.id) as devices_away, coalesce(sum(a.times), 0)::bigint as times,
       coalesce(sum(l.seconds), 0)::float8 as away_s,
       sum(extract(epoch from cast(:until as timestamptz) - m.since))::float8 as total_s
from mine m
left join away a on a.id = m.id
left join lateral (
    select sum(extract(epoch from upper(r) - lower(r))) as seconds from unnest(a.spans) r
) l on true
group by m.kind

-- name: hazards
-- as they stood at :until: what was done to one since, its steps do not tell yet
with mine as (
    select h.found_at, h.supervised_at, coalesce(t.grade, h.grade) as grade, case when t.due_told then t.due else h.due end as due,
           case when t.state is null then h.rectified_at < :until else t.state = 'rectified' end as mended,
           case when t.state is null then h.closed_at when t.state = 'verified' then t.at end as closed_at,
           case when t.state is null then h.closed_as else t.closed_as end as closed_as
    from hazard h
    left join device d on d.id = h.device_id
    left join site s on s.id = h.site_id
    left join lateral (
        select max(at) as at, (array_agg(to_state order by number desc))[1] as state,
               (array_agg(detail ->> 'grade' order by number desc) filter (where detail ->> 'grade' is not null))[1] as grade,
               (array_agg(detail ->> 'closed_as' order by number desc) filter (where detail ->> 'closed_as' is not null))[1]
                   as closed_as,
               bool_or(detail ? 'due') as due_told,  -- that it has none any more is told, too
               cast((array_agg(detail ->> 'due' order by number desc) filter (where detail ? 'due'))[1]
                   as timestamptz) as due
        from hazard_step where hazard_id = h.id and at < :until
    ) t on h.updated_at >= :until
    where h.found_at < :until
      and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(coalesce(d.area, s.area), p)))
)
select grade,
       count(*) filter (where found_at >= :begin) as found,
       count(*) filter (where closed_at >= :begin and closed_at < :until and closed_as = 'rectified') as rectified,
       count(*) filter (where closed_at >= :begin and closed_at < :until and closed_as = 'unfounded') as unfounded,
       count(*) filter (where closed_at >= :begin and closed_at < :until and closed_as = 'cause_gone') as cause_gone,
       count(*) filter (where closed_at is null or closed_at >= :until) as open,
       count(*) filter (where (closed_at is null or closed_at >= :until) and due < :until and mended is not true) as overdue,
       count(*) filter (where (closed_at is null or closed_at >= :until) and supervised_at < :until) as supervised
from mine
group by grade

-- name: risks
-- each site: as it was before the month, as it is at its end, and its days
select s.id, s.name, s.area, b.score as score_before, b.grade as grade_before, e.score, e.grade, m.worst_score,
       m.mean_score, m.red_days, m.orange_days
from site s
left join lateral (
    select t.score, t.grade from site_risk_daily t
    where t.site_id = s.id and t.day < :first order by t.day desc limit 1
) b on true
join lateral (
    select t.score, t.grade from site_risk_daily t
    where t.site_id = s.id and t.day >= :first and t.day <= :last order by t.day desc limit 1
) e on true
cross join lateral (
    select max(t.worst_score) as worst_score, avg(t.worst_score)::float8 as mean_score,
           count(*) filter (where t.worst_grade = 'red') as red_days,
           count(*) filter (where t.worst_grade = 'orange') as orange_days
    from site_risk_daily t
    where t.site_id = s.id and t.day >= :first and t.day <= :last
) m
where (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(s.area, p)))
order by m.mean_score desc, m.worst_score desc, s.id

-- name: troubles_of
-- what some sites had: alarms of the month, and hazards open at its end
with own as materialized (
    select * from alarm_onsets(:begin, :until) where site_id = any(cast(:ids as bigint[]))
)
select s.id,
       (select count(*) from own a where a.site_id = s.id and starts_with(a.area, s.area)) as alarms,
       (select count(*) from own a where a.site_id = s.id and starts_with(a.area, s.area)
            and a.category = 'fire' and a.verification = 'real') as real_fires,
       (select count(*) from hazard h left join device d on d.id = h.device_id
        where coalesce(h.site_id, d.site_id) = s.id and starts_with(coalesce(d.area, s.area), s.area) and h.found_at < :until
          and coalesce(
              (select t.to_state <> 'verified' from hazard_step t
               where t.hazard_id = h.id and t.at < :until and h.updated_at >= :until order by t.number desc limit 1),
              h.closed_at is null or h.closed_at >= :until)) as open_hazards
from site s
where s.id = any(cast(:ids as bigint[]))
