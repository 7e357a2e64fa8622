-- Conditions that are no fires and that alerts did not make an alarm each, because their device reported too many.
alter table device_flood add column others bigint not null default 0;
