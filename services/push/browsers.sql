-- name: switch_off
update web_push_state set is_on = false where is_on

-- name: keep_key
-- the key that was made once; $1 becomes it where there is none
insert into web_push_state (private_key) values ($1)
on conflict (one) do update set private_key = coalesce(web_push_state.private_key, excluded.private_key)
returning private_key

-- name: switch_on
insert into web_push_state (is_on, public_key) values (true, $1)
on conflict (one) do update set is_on = true, public_key = excluded.public_key

-- name: forget_other_key
-- they take nothing from the present key; their pages ask again when they are opened
delete from web_push where public_key <> $1

-- name: browsers
-- until the person signs out there, also when the sign-in has run out unused: who is told opens no page
select p.session_hash, p.endpoint, p.p256dh, p.auth, p.language, p.told_to, p.greeting, p.created_at, p.failures, h.areas
from web_push p
join person h on h.id = p.person_id and h.enabled

-- name: fires
-- as the page's own notifications: fires that opened, that are new on the row of an older one, or that ask again after
-- somebody took them, and that nobody has answered yet; and those that were told as a test, and outlasted it. Of a device that was moved away since, only its code is told
select e.number, e.made_at, e.at, e.area, e.alarm_id, e.data -> 'alarm' as alarm,
    w.code, d.name as device_name, s.name as site_name, r.name as area_name
from subscription_event e
join alarm a on a.id = e.alarm_id and a.state in ('unacknowledged', 'returned')
left join device w on w.id = e.device_id
left join device d on d.id = e.device_id and (e.area is null or starts_with(d.area, e.area))
left join site s on s.id = d.site_id and starts_with(s.area, d.area)
left join area r on r.code = e.area
where e.number > $1 and e.made_at > $2 and e.data #>> '{alarm,category}' = 'fire'
    -- a fire that goes on after a reset of its panel is raised again for platforms, and nothing new for a phone
    and (e.type = 'alarm.raised' and e.data #>> '{alarm,version}' = '1'
        or e.type in ('alarm.updated', 'fire.confirmed') and (a.since = e.at or exists (
        select from alarm_transition t
        where t.alarm_id = e.alarm_id and t.from_state = 'acknowledged' and t.to_state = 'unacknowledged'
            and t.detail ->> 'version' = e.data #>> '{alarm,version}')
        or exists (
            select from alarm_transition t
            where t.alarm_id = e.alarm_id and t.at = e.at and t.detail ? 'in_earnest')))
order by e.number

-- name: settle
update web_push set told_to = greatest(told_to, $3), greeting = greeting and not $4::boolean, failures = $5,
    last_at = $6, last_status = $7, last_error = $8, accepted_at = coalesce($9, accepted_at)
where session_hash = $1 and endpoint = $2

-- name: remove
delete from web_push where session_hash = $1 and endpoint = $2
