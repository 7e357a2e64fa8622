-- The first kilobyte of a receiver's answer, kept with the attempt.
alter table notice_attempt add column answer text;

-- Whether an administrator of the whole county wrote the contact last: the operator may open more networks to those.
-- Null: written before this was recorded; then its area decides.
alter table contact add column by_county boolean;

-- Secrets are written, never read back; until now the audit showed those of contacts.
update audit
set detail = detail
    || jsonb_build_object('settings', case jsonb_typeof(detail -> 'settings')
        when 'object' then (select coalesce(jsonb_object_agg(key, '***'), '{}') from jsonb_each(detail -> 'settings'))
        else '{}' end)
    || jsonb_build_object('address', regexp_replace(regexp_replace(
        detail ->> 'address', '^(\w+://)[^/?#]*@', '\1***@'), '=[^&#]*', '=***', 'g'))
where action in ('contact.create', 'contact.update') and detail ? 'settings' and detail ? 'address';
