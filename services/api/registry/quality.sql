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
    select sum(gaps) as gaps, sum(gaps) filter (where lately) as gaps_24h,
           sum(duplicates) as duplicates, sum(duplicates) filter (where lately) as duplicates_24h,
           sum(late) as late, sum(late) filter (where lately) as late_24h,
           sum(rejects) as rejects, sum(rejects) filter (where lately) as rejects_24h,
           sum(restarts) as restarts, sum(restarts) filter (where lately) as restarts_24h
    from (
        select q.*, q.hour > :since and q.hour <= :until as lately  -- a clock that was ahead left hours that are to come
        from device_quality q
        where q.device_id = ids.id and q.hour >= coalesce(s.hours_before, '-infinity')
    ) q
) h on true

-- name: unfold_quality
-- Sums that were made while the clock was ahead: what they hold of hours since $1 is taken out, and counted here again,
-- else nothing would be until that time has come. Only what came between the two is missing from the total.
update device_quality_sum as s set
    hours_before = $1, gaps = s.gaps - h.gaps, restarts = s.restarts - h.restarts,
    duplicates = s.duplicates - h.duplicates, late = s.late - h.late, rejects = s.rejects - h.rejects
from (
    select a.device_id, coalesce(sum(q.gaps), 0) as gaps, coalesce(sum(q.restarts), 0) as restarts,
           coalesce(sum(q.duplicates), 0) as duplicates, coalesce(sum(q.late), 0) as late,
           coalesce(sum(q.rejects), 0) as rejects
    from device_quality_sum a
    left join device_quality q on q.device_id = a.device_id and q.hour >= $1 and q.hour < a.hours_before
    where a.hours_before > $1 + interval '2 hours'  -- clocks of two machines differ by less
    group by a.device_id
) h
where h.device_id = s.device_id and s.hours_before > $1 + interval '2 hours'

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

-- name: forget_quality
-- hours that are summed and that nobody asks for one by one, some at a time
delete from device_quality where ctid in (
    select q.ctid from device_quality q join device_quality_sum s on s.device_id = q.device_id
    where q.hour < s.hours_before and q.hour < $1
    limit $2
)
