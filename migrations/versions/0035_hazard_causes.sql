-- What the system looks at once a minute to propose hazards (contract 12).
create index alarm_false on alarm (opened_at) where verification = 'false';
create index hazard_cause on hazard (cause, closed_at) where cause is not null;
