-- name: requested
select id, replay_requested_at from reject
where replay_requested_at is not null and replayed_at is null and (topic like $1) = $2
order by id
limit 100

-- name: messages
select id, topic, payload, received_at from reject where id = any($1::bigint[]) order by id

-- name: request
-- a message that was set aside goes on as a reject that somebody wants decoded again
insert into reject (batch_id, received_at, topic, payload, reason, detail, replay_requested_at, replay_requested_by)
values (0, from_us($3), $1, $2, 'storage_refused', 'set aside as ' || $4, clock_timestamp(), 'set aside')

-- name: replayed
-- Another ingest that found the rows stored already has nothing to say beside the one that stored them.
update reject set replayed_at = clock_timestamp(), replay_result = $2
where id = $1 and coalesce(replay_result, '') !~ '^stored(;|$)'

-- name: add_fields
-- {table}, {sets} and {lacking} come from the contracts; no row: it has all of these fields
update {table} set {sets} where device_id = $1 and ts = from_us($2) and seq = $3 and ({lacking})
