-- name: moved
-- Open alarms that are not where their device is; `scope`: with what its fires are judged there, `left`: here.
select a.id, a.code, a.device_id, d.area,
    case when d.site_id is null then 'device:' || d.id else 'site:' || d.site_id end as scope,
    case when a.site_id is null then 'device:' || d.id else 'site:' || a.site_id end as left
from alarm a join device d on d.id = a.device_id
where a.state <> 'closed' and (a.area, a.site_id) is distinct from (d.area, d.site_id) and a.id <> all($1::bigint[])
order by a.id limit 200

-- name: follow
with moved as (
    select a.id, d.area, d.site_id from alarm a join device d on d.id = a.device_id
    where a.id = any($1::bigint[]) and a.state <> 'closed' order by a.id for update of a)
update alarm a set area = m.area, site_id = m.site_id, updated_at = $2 from moved m where a.id = m.id

-- name: lock_incidents
select from incident where id in (select incident_id from alarm where id = any($1::bigint[])) order by id
for no key update

-- name: lead_incidents
-- An incident goes along when all that stands of it lies at one other place: in another area, or at one site. Not one that
-- is found again by its area: what happens there next would join it at the other place. $3, $4: the fires of the page with
-- the incident of each now, of which one that was parted from it counts no more.
update incident i set area = t.area, site_id = t.site_id, updated_at = $2
from (
    select a.incident_id, min(a.area) as area, count(distinct coalesce(a.site_id, 0)) as sites,
        case when count(distinct coalesce(a.site_id, 0)) = 1 then min(a.site_id) end as site_id
    from alarm a left join unnest($3::bigint[], $4::bigint[]) as f (id, incident_id) on f.id = a.id
    where a.incident_id in (select incident_id from alarm where id = any($1::bigint[])) and a.state <> 'closed'
        and coalesce(f.incident_id, a.incident_id) = a.incident_id
    group by a.incident_id having count(distinct coalesce(a.area, '')) = 1) t
where i.id = t.incident_id and i.kind not in ('mains', 'silence')
    and (i.area is distinct from t.area or t.sites = 1 and i.site_id is distinct from t.site_id)

-- name: add_scopes
insert into fire_scope (scope) select unnest($1::text[]) on conflict do nothing

-- name: lock_scopes
select from fire_scope where scope = any($1::text[]) order by scope for update
