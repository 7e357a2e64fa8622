-- Since when the condition of an alarm stands, where it came back on a row that nobody had closed.

-- of all lines these are few
create index alarm_transition_again on alarm_transition (at) where outcome = 'reopened';

-- Null: since it opened. A fire that comes back within its incident is the same fire; one of a new incident is not.
alter table alarm add column since timestamptz;
create index alarm_since on alarm (since) where since is not null;

-- Where something began on the row of what was there before.
create view alarm_began_again as
select t.alarm_id, t.number, t.at, a.code
from alarm_transition t
join alarm a on a.id = t.alarm_id
left join alarm_transition p on p.alarm_id = t.alarm_id and p.number = t.number - 1 and a.code = 'fire'
where t.outcome = 'reopened'
    and (a.code <> 'fire' or t.detail ->> 'incident_id' is distinct from p.detail ->> 'incident_id');

update alarm a set since = b.at
from (select alarm_id, max(at) as at from alarm_began_again group by alarm_id) b
where a.id = b.alarm_id;

-- What began from one moment until before another: each fire, and of any other alarm the last time that it opened or came
-- back, so that one that flaps counts once. `number` is the line where it began, `next` that where something else began
-- on its row (null: nothing did); severity and verification are what they came to before that.
create function alarm_onsets(from_at timestamptz, until_at timestamptz)
returns table (alarm_id bigint, category text, site_id bigint, area text, at timestamptz, number integer, next integer,
    severity text, verification text)
language sql stable as $$
    with began as (
        select id, code, opened_at as at, 1 as number from alarm
        where opened_at >= $1 and opened_at < $2 and since is not null
        union all
        select alarm_id, code, at, number from alarm_began_again where at >= $1 and at < $2
    ), onset as (
        select distinct on (id, case when code = 'fire' then number end) * from began
        order by id, case when code = 'fire' then number end, number desc
    )
    -- most never came back
    select id, category, site_id, area, opened_at, 1, null::integer, severity, verification from alarm
    where opened_at >= $1 and opened_at < $2 and since is null
    union all
    select a.id, a.category, a.site_id, a.area, o.at, o.number, n.number,
        coalesce(l.detail ->> 'severity', a.severity), coalesce(l.detail ->> 'verification', a.verification)
    from onset o
    join alarm a on a.id = o.id and a.since is not null
    left join lateral (
        select min(b.number) as number from alarm_began_again b
        where a.since > o.at and b.alarm_id = o.id and b.number > o.number
    ) n on true
    left join alarm_transition l on l.alarm_id = o.id and l.number = n.number - 1
$$;
