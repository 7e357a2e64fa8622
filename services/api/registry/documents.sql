-- name: worst_alarm
select distinct on (device_id) device_id, severity
from alarm
where state <> 'closed' and device_id = any(cast(:ids as integer[]))
order by device_id, array_position(array['critical', 'major', 'minor', 'info'], severity)
