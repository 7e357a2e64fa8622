-- name: waiting
select count(*) from rule_trial where state in ('waiting', 'running')

-- name: devices
-- How many readings a day the devices send that would be looked at, as far as the registry knows.
select count(*) as devices, coalesce(sum(86400 / greatest(expected_interval_s, 1)), 0)::float8 as readings_a_day
from device
where (cardinality($1::text[]) = 0 or kind = any($1))
    and case $2 when 'device' then code = $3 when 'area' then starts_with(area, $3) else true end

-- name: add
insert into rule_trial (code, scope, target, area, parameters, since, until, created_by, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
returning id

-- name: cancel
update rule_trial set state = 'cancelled', ended_at = $2
where id = $1 and state in ('waiting', 'running')
returning id
