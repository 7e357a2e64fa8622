-- What the other system must know to find the alarm that an act meant. Of rows of before the report is unknown.
alter table carried_act
    add column correction boolean not null default false,   -- of the verdict on a closed alarm
    add column reported_at timestamptz;                     -- the device's time of the newest report that was known then

-- who gave a verdict after the alarm was closed corrected one
update carried_act c set correction = true from alarm a
where a.id = c.alarm_id and c.act = 'verify' and a.closed_at < c.at and c.result is null;
