-- name: trial
select code, scope, target, parameters, since, until from rule_trial where id = $1 and worker = $2 and state = 'running'

-- name: tell
update rule_trial set progress = $3, readings = $4 where id = $1 and worker = $2 and state = 'running' returning id

-- name: finish
update rule_trial set state = 'done', progress = 1, result = $3, readings = $4, ended_at = now()
where id = $1 and worker = $2 and state = 'running'

-- name: fail
update rule_trial set state = 'failed', fault = $3, fault_en = $4, readings = $5, ended_at = now()
where id = $1 and worker = $2 and state = 'running'

-- name: devices
select code from device where case $1 when 'device' then code = $2 else starts_with(area, $2) end

-- name: alarms
select a.id, d.code as device, a.area, a.opened_at, a.cleared_at, a.verification
from alarm a left join device d on d.id = a.device_id
where a.code = $1 and a.opened_at between $2 and $3
order by a.opened_at
limit 20000
