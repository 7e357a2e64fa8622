-- name: devices_by_code
select id from device where code = any($1::text[])

-- name: burst_incident
-- The incident of the burst that was detected at one of these devices.
select a.incident_id
from early_warning w join alarm a on a.id = w.alarm_id
where w.code = 'water_burst' and w.ended_at is null and w.members && $1::text[]
    and a.state <> 'closed' and a.incident_id is not null
order by w.id desc limit 1
