-- name: tell_alerts
select pg_notify('firetower_registry', '')

-- name: area_of_device
select area from device where code = $1

-- name: add_override
insert into rule_parameter (code, scope, target, parameters, effective_from, created_by, created_at)
    values ($1, $2, $3, $4, $5, $6, $7)

-- name: find_override
select p.*, d.area
from rule_parameter p left join device d on p.scope = 'device' and d.code = p.target
where p.id = $1 and p.code = $2

-- name: delete_override
delete from rule_parameter where id = $1
