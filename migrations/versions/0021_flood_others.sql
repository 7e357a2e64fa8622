-- Conditions other than fires that got no alarm of their own, because their device reported too many.
alter table device_flood add column others bigint not null default 0;
