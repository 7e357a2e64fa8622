-- name: lock_fires
select a.*, d.code as device, d.area as device_area, d.site_id as device_site
from alarm a join device d on d.id = a.device_id
where (a.scope = $1 or (a.device_id = any($2::integer[]) and a.code = 'fire')) and a.state <> 'closed'
order by a.id
for update of a

-- name: spokesmen
-- Who has told 119 for these incidents and is open, and whether it stands where $1 is (`here`), judged there yet or not.
select a.incident_id, a.device_id,
    case when d.site_id is null then 'device:' || d.id else 'site:' || d.site_id end = $1 as here
from alarm a join device d on d.id = a.device_id
where a.incident_id = any($2::bigint[]) and a.code = 'fire' and a.state <> 'closed'
    and a.life -> 'sent' ? 'fire.confirmed'

-- name: evidence_of
select evidence from fire_scope where scope = any($1::text[])
