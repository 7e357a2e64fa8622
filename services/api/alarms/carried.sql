-- name: said
select c.act_id, c.act, c.outcome, c.actor, c.note, c.at, d.code as device, a.area, a.code, a.component, a.opened_at,
    c.reported_at, c.correction, array(
        select f.act_id from carried_act f
        where f.alarm_id = a.id and f.id < c.id and f.result is distinct from 'no_alarm'
            and f.answer ->> 'reported_since' is null
        order by f.id desc limit 20
    ) as earlier
from carried_act c
join alarm a on a.id = c.alarm_id
left join device d on d.id = a.device_id
where c.at >= :since and c.origin is distinct from :name and c.result is distinct from 'stands'  -- that never counted
    and a.category <> 'system'
    and (a.device_id is not null or starts_with(a.subject, 'area:'))
    and (cast(:everywhere as boolean) or exists (
        select from unnest(cast(:areas as text[])) p where starts_with(a.area, p)))
order by c.at, c.id
limit :limit
