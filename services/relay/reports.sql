-- name: link
insert into relay_link (areas) values ($1) on conflict (only_one) do update set areas = excluded.areas

-- name: state
-- What is committed and not carried, and up to when this system heard its devices and the county has it: one look, so
-- that what the watermark covers is either carried or counted. Beyond 20 000 batches the rest is estimated.
with reader as (
    select i.writer, i.lane, coalesce(min(c.number), 0) as number
    from ingest_lane i
    left join feed_cursor c on c.writer in (
        i.writer || ' relay events', i.writer || ' relay fires', i.writer || ' relay readings')
    group by i.writer, i.lane
), behind as (
    select b.number - r.number as far, b.first_received_at, b.committed_at,
        case r.lane when 'event' then b.events else b.hydrant + b.electrical + b.water + b.panel end as rows,
        n.newest - r.number as all_behind
    from reader r
    cross join lateral (select max(number) as newest from ingest_batch n where n.writer = r.writer) n
    cross join lateral (
        select * from ingest_batch b where b.writer = r.writer and b.number > r.number order by b.number limit 20000) b
), lanes as (
    select min(watermark) as heard_until, max(watermark_gap_at) as heard_since,
        coalesce(bool_and(watermark is not null), false) as complete
    from ingest_lane
)
select coalesce((select sum(rows) from behind), 0)::bigint as seen_rows,
    coalesce((select max(all_behind) / nullif(max(far), 0)::float8 from behind), 1) as factor,
    extract(epoch from clock_timestamp() - (select min(committed_at) from behind where rows > 0))::float8 as backlog_s,
    case when l.complete then extract(epoch from clock_timestamp() - least(
        l.heard_until, (select min(first_received_at) from behind where rows > 0)))::float8 end as heard_until_s,
    case when l.complete then extract(epoch from clock_timestamp() - l.heard_since)::float8 end as heard_since_s
from lanes l
