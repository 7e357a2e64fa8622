-- name: quality
-- hours before hours_before are in device_quality_sum, the others are counted here; written as JSON at once, because a
-- list of 1000 devices would make 10 000 numbers pass through Python only to be printed again
select ids.id as device_id,
       format(
           '{"gaps":%s,"duplicates":%s,"late":%s,"rejects":%s,"restarts":%s,'
           '"last_24h":{"gaps":%s,"duplicates":%s,"late":%s,"rejects":%s,"restarts":%s}}',
           coalesce(h.gaps, 0) + coalesce(s.gaps, 0), coalesce(h.duplicates, 0) + coalesce(s.duplicates, 0),
           coalesce(h.late, 0) + coalesce(s.late, 0), coalesce(h.rejects, 0) + coalesce(s.rejects, 0),
           coalesce(h.restarts, 0) + coalesce(s.restarts, 0),
           coalesce(h.gaps_24h, 0), coalesce(h.duplicates_24h, 0), coalesce(h.late_24h, 0), coalesce(h.rejects_24h, 0),
           coalesce(h.restarts_24h, 0)
       ) as quality
from unnest(cast(:ids as integer[])) as ids (id)
left join device_quality_sum s on s.device_id = ids.id
left join lateral (
    select sum(gaps) as gaps, sum(gaps) filter (where hour > :since) as gaps_24h,
           sum(duplicates) as duplicates, sum(duplicates) filter (where hour > :since) as duplicates_24h,
           sum(late) as late, sum(late) filter (where hour > :since) as late_24h,
           sum(rejects) as rejects, sum(rejects) filter (where hour > :since) as rejects_24h,
           sum(restarts) as restarts, sum(restarts) filter (where hour > :since) as restarts_24h
    from device_quality q
    where q.device_id = ids.id and q.hour >= coalesce(s.hours_before, '-infinity')
) h on true

-- name: fold_quality
-- hours that no longer change, summed into device_quality_sum once
with old as (
    select q.device_id, sum(q.gaps) as gaps, sum(q.restarts) as restarts,
           sum(q.duplicates) as duplicates, sum(q.late) as late, sum(q.rejects) as rejects
    from device_quality q left join device_quality_sum s on s.device_id = q.device_id
    where q.hour >= coalesce(s.hours_before, '-infinity') and q.hour < $1
    group by q.device_id
)
insert into device_quality_sum as s (device_id, hours_before, gaps, restarts, duplicates, late, rejects)
select device_id, $1, gaps, restarts, duplicates, late, rejects from old
on conflict (device_id) do update set
    hours_before = excluded.hours_before, gaps = s.gaps + excluded.gaps, restarts = s.restarts + excluded.restarts,
    duplicates = s.duplicates + excluded.duplicates,
    late = s.late + excluded.late, rejects = s.rejects + excluded.rejects
where s.hours_before < excluded.hours_before
