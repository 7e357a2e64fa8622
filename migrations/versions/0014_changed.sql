-- The transaction in which a row changed last: the live stream reads it. No clock can say what was committed since the
-- last look: times are taken before the commit, on several machines. A snapshot can (pg_visible_in_snapshot), exactly.

create function mark_changed() returns trigger language plpgsql as $$
begin
    new.changed := pg_current_xact_id();
    return new;
end
$$;

alter table alarm add column changed xid8 not null default '0';
alter table notice add column changed xid8 not null default '0';
alter table device add column changed xid8 not null default '0';
create index alarm_changed_in on alarm (changed);
create index notice_changed_in on notice (changed);
create index device_changed_in on device (changed);

create trigger alarm_marked before insert or update on alarm for each row execute function mark_changed();
-- a claim changes nothing that people see
create trigger notice_marked before insert or update of
    state, due_at, delivered_at, last_status, last_error, desk_incident_id on notice
    for each row execute function mark_changed();
create trigger device_marked before insert or update on device for each row execute function mark_changed();

-- A row of device_state changes with every reading, which the log of ingest reports. Only when alerts finds the device
-- silent or unreadable, the writing statement sets this: a trigger would lock each of these rows once more.
alter table device_state add column marked_in xid8;
create index device_state_marked_in on device_state (marked_in) where marked_in is not null;
drop index device_state_offline_since;
drop index device_state_unreadable_since;

-- The role of an unattended screen.
alter table person drop constraint person_role_check, add constraint person_role_check
    check (role in ('wall', 'viewer', 'duty_officer', 'maintainer', 'administrator'));
alter table api_key drop constraint api_key_role_check, add constraint api_key_role_check
    check (role in ('wall', 'viewer', 'duty_officer', 'maintainer', 'administrator'));

-- Open fires come first in lists.
create index alarm_open_fires on alarm (opened_at desc, id desc) where category = 'fire' and state <> 'closed';
create index notice_untaken_fires on notice (created_at desc, id desc)
    where fire and state in ('waiting', 'held', 'dead');
