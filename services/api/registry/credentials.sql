-- name: place_of_device
select kind, area from device where code = $1

-- The last try that the broker did not refuse: a refusal is the row after its try, and comes within seconds.
-- name: last_broker
select broker
from (
    select id, at, detail ->> 'broker' as broker, lead(id) over (order by id) as next_id
    from audit where action = 'device.credentials' and target = $1
) as tried
where not exists (
    select from audit as refused
    where refused.at >= tried.at and refused.at < tried.at + interval '1 minute'
        and refused.action = 'device.credentials_refused' and refused.target = $1
        and refused.id > tried.id and refused.id < coalesce(tried.next_id, refused.id + 1)
)
order by id desc limit 1
