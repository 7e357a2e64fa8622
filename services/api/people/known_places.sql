-- name: places
-- from where who signed in, the newest first
select target as name, detail ->> 'address' as address
from audit
where action = 'session.start' and at > :since and detail ->> 'address' is not null
group by 1, 2
order by max(at) desc
limit 10000
