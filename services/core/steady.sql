-- name: is_steady
select exists (
    select from ingest_batch
    where committed_at between coalesce($1, now()) - interval '30 days' and coalesce($1, now()) - interval '7 days')
