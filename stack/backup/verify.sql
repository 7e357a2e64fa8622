-- name: tables
select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') order by 1

-- name: batches
-- The numbered log states what each batch stored; a replay adds none. Retention keeps rows for a year at least, and longer
-- than the log, of which it leaves the newest batch of each writer: between those of today others are missing.
with batch as (
    select id, hydrant, electrical, water, panel, events from ingest_batch
    where committed_at > (select least(max(committed_at), now()) from ingest_batch) - interval '300 days'
)
select 'reading_hydrant' as kind, (select coalesce(sum(hydrant), 0) from batch) as told,
    (select count(*) from reading_hydrant
     where batch_id between (select min(id) from batch) and (select max(id) from batch)
       and batch_id in (select id from batch)) as stored
union all select 'reading_electrical', (select coalesce(sum(electrical), 0) from batch),
    (select count(*) from reading_electrical
     where batch_id between (select min(id) from batch) and (select max(id) from batch)
       and batch_id in (select id from batch))
union all select 'reading_water', (select coalesce(sum(water), 0) from batch),
    (select count(*) from reading_water
     where batch_id between (select min(id) from batch) and (select max(id) from batch)
       and batch_id in (select id from batch))
union all select 'reading_panel', (select coalesce(sum(panel), 0) from batch),
    (select count(*) from reading_panel
     where batch_id between (select min(id) from batch) and (select max(id) from batch)
       and batch_id in (select id from batch))
union all select 'event', (select coalesce(sum(events), 0) from batch),
    (select count(*) from event
     where batch_id between (select min(id) from batch) and (select max(id) from batch)
       and batch_id in (select id from batch))

-- name: newest
select writer, max(number) as number from ingest_batch group by writer

-- name: anchors
select exists (select from alarm_anchor)
