-- What the other system must know to find the alarm that an act meant. Rows of before: no correction, report unknown.
alter table carried_act
    add column correction boolean not null default false,   -- of the verdict on a closed alarm
    add column reported_at timestamptz;                     -- the device's time of the newest report that was known then
