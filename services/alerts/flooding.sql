-- name: floods
-- Floods without an alarm, and open ones; floods that are over and reported are not read again.
select f.device_id, f.elements, f.fires, f.others, f.began_at, f.last_at, a.id is not null as told
from device_flood f
join device d on d.id = f.device_id
left join alarm a on a.device_id = f.device_id and a.code = 'device_flooding' and a.state <> 'closed'
    and a.cleared_at is null
where (a.id is not null or f.last_at > clock_timestamp() - interval '1 day') and d.code <> all($1::text[])
order by f.last_at desc, f.device_id
limit 1000

-- name: note_surplus
insert into device_flood as f (device_id, began_at, last_at, elements, fires, others)
select device_id, $4, $4, 0, fires, others
from unnest($1::integer[], $2::bigint[], $3::bigint[]) as t (device_id, fires, others)
on conflict (device_id) do update set
    began_at = case when f.last_at < $4 - interval '5 minutes' then $4 else f.began_at end,
    elements = case when f.last_at < $4 - interval '5 minutes' then 0 else f.elements end,
    fires = case when f.last_at < $4 - interval '5 minutes' then 0 else f.fires end + excluded.fires,
    others = case when f.last_at < $4 - interval '5 minutes' then 0 else f.others end + excluded.others,
    -- one that is ahead is of a clock that was set back since
    last_at = case when f.last_at > $4 + interval '1 minute' then $4 else greatest(f.last_at, $4) end

-- name: opened_lately
-- for each device: how many alarms other than fires were opened since, and the codes of the open ones
select w.device_id,
    (select count(*) from alarm a
     where a.device_id = w.device_id and a.opened_at > w.since and a.category <> 'fire') as opened,
    array(select distinct a.code from alarm a
          where a.subject = 'device:' || w.device_id and a.state <> 'closed') as codes
from unnest($1::integer[], $2::timestamptz[]) as w (device_id, since)
