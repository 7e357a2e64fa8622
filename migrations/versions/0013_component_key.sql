-- An open alarm is unique by the normal form of its component (contract 6): `3-12` and `3-012 ` are one.
-- `component` stays as it was sent first; null here means that the two are the same.

alter table alarm add column component_key text;

-- Open alarms get the form that `core/alarms/components.py` gives them. Where twins are open already, the
-- oldest keeps the plain form and takes further reports; the others wait for a person or a reset.
with named as (
    select id, subject, code,
        regexp_replace(
            regexp_replace(
                translate(lower(normalize(component, NFKC)), '‐‑‒–—―−', '-------'),
                '[[:space:][:cntrl:]\u00a0\u00ad\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufffd]',
                '', 'g'),
            '(^|[^0-9])0+(?=[0-9])', '\1', 'g') as key
    from alarm
    where state <> 'closed' and subject like 'device:%' and component <> ''
), ranked as (
    select id, key, row_number() over (partition by subject, code, key order by id) as place from named
)
update alarm a
set component_key = case when r.place = 1 then r.key else r.key || E'\x1f' || a.id end
from ranked r
where r.id = a.id;

-- A blank component is the device as a whole, which may have an alarm of its own.
update alarm a set component_key = E'\x1f' || a.id
where a.component_key = '' and exists (
    select from alarm b
    where b.subject = a.subject and b.code = a.code and b.component = '' and b.state <> 'closed' and b.id <> a.id);

drop index alarm_one_open;
create unique index alarm_one_open on alarm (subject, code, coalesce(component_key, component)) where state <> 'closed';
