-- name: floods
-- Floods of which nobody was told, and those that stand; what is long over and told of is not looked at again.
select f.device_id, f.elements, f.fires, f.began_at, f.last_at, a.id is not null as told
from device_flood f
join device d on d.id = f.device_id
left join alarm a on a.device_id = f.device_id and a.code = 'device_flooding' and a.state <> 'closed'
    and a.cleared_at is null
where (a.id is not null or f.last_at > clock_timestamp() - interval '1 day') and d.code <> all($1::text[])
order by f.last_at desc, f.device_id
limit 1000

-- name: note_fires
insert into device_flood as f (device_id, began_at, last_at, elements, fires)
select device_id, $3, $3, 0, fires from unnest($1::integer[], $2::bigint[]) as t (device_id, fires)
on conflict (device_id) do update set
    began_at = case when f.last_at < $3 - interval '5 minutes' then $3 else f.began_at end,
    elements = case when f.last_at < $3 - interval '5 minutes' then 0 else f.elements end,
    fires = case when f.last_at < $3 - interval '5 minutes' then 0 else f.fires end + excluded.fires,
    last_at = greatest(f.last_at, $3)
