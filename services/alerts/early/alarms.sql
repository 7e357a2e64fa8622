-- name: begin
-- Nothing, where this very warning was told before or one like it stands.
insert into early_warning (
    cell, device, area, subject, code, component, severity, began_at, members, lon, lat, expected, seen, unit, sure)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
on conflict do nothing
returning id

-- name: rise
-- Only a minor one can become major.
update early_warning set severity = $4, expected = $5, seen = $6
where subject = $1 and code = $2 and component = $3 and ended_at is null and severity = 'minor' and $4 = 'major'
returning id

-- name: end
update early_warning set ended_at = $4
where subject = $1 and code = $2 and component = $3 and ended_at is null and began_at <= $4
returning id

-- name: name_alarm
update early_warning set alarm_id = $2 where id = $1

-- name: mains_incident
-- The open incident of the mains that pressure alarms of these devices belong to and that has not run down yet.
select i.id from incident i
where i.kind = 'mains' and i.closed_at is null and exists (
    select from alarm a join device d on d.id = a.device_id
    where a.incident_id = i.id and a.state <> 'closed' and a.cleared_at is null and d.code = any($1::text[]))
order by i.id desc limit 1
