-- The risk of each site as alerts keeps it, by day too (contract 12).
create table site_risk (
    site_id bigint primary key references site on delete cascade,
    score smallint not null check (score between 0 and 100),
    grade text not null check (grade in ('red', 'orange', 'yellow', 'blue')),
    reasons jsonb not null,             -- [{"code", "points", "full_points", "count", "zh", "en", "since"}]
    policy_version integer not null,    -- of the policy `risk`; 0: its defaults
    since timestamptz not null,         -- it has had this grade
    updated_at timestamptz not null
) with (fillfactor = 70);
create index site_risk_worst on site_risk (score desc, site_id);

-- One row of each day of the county's calendar: as it was last, and at its worst.
create table site_risk_daily (
    site_id bigint not null references site on delete cascade,
    day date not null,
    score smallint not null,
    grade text not null,
    worst_score smallint not null,
    worst_grade text not null,
    policy_version integer not null,
    primary key (site_id, day)
) with (fillfactor = 70);
create index site_risk_daily_day on site_risk_daily (day);

-- When all sites were looked at last: a score is as fresh as this.
create table risk_look (
    only_one boolean primary key default true check (only_one),
    at timestamptz not null
);

-- A site that was just registered has no devices, alarms or hazards, and so no reason: its score is known to be 0.
create function begin_site_risk() returns trigger language plpgsql as $$
begin
    insert into site_risk (site_id, score, grade, reasons, policy_version, since, updated_at)
    values (new.id, 0, 'blue', '[]', coalesce((select version from policy where name = 'risk'), 0), now(), now());
    return null;
end
$$;
create trigger site_risk_begins after insert on site for each row execute function begin_site_risk();

-- What is looked at again and again: real fires of three months, sites around a place.
create index alarm_real on alarm (opened_at) where verification = 'real';
create index site_place on site (lon, lat) where lon is not null;
