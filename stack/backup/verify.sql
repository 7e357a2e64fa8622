-- name: tables
select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') order by 1

-- name: batches
-- The numbered log states what each batch stored; retention keeps rows longer than it, a replay adds none.
with told as (
    select min(id) as first, max(id) as last, sum(hydrant) as hydrant, sum(electrical) as electrical,
        sum(water) as water, sum(panel) as panel, sum(events) as events from ingest_batch
)
select 'reading_hydrant' as kind, coalesce(hydrant, 0) as told,
    (select count(*) from reading_hydrant where batch_id between told.first and told.last) as stored from told
union all select 'reading_electrical', coalesce(electrical, 0),
    (select count(*) from reading_electrical where batch_id between told.first and told.last) from told
union all select 'reading_water', coalesce(water, 0),
    (select count(*) from reading_water where batch_id between told.first and told.last) from told
union all select 'reading_panel', coalesce(panel, 0),
    (select count(*) from reading_panel where batch_id between told.first and told.last) from told
union all select 'event', coalesce(events, 0),
    (select count(*) from event where batch_id between told.first and told.last) from told

-- name: newest
select writer, max(number) as number from ingest_batch group by writer

-- name: anchors
select exists (select from alarm_anchor)
