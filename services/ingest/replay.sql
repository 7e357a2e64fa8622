-- name: requested
select id, topic, payload, received_at from reject
where replay_requested_at is not null and replayed_at is null and (topic like $1) = $2
order by id
limit 100

-- name: replayed
update reject set replayed_at = clock_timestamp(), replay_result = $2 where id = $1

-- name: add_fields
-- {table} and {sets} come from the contracts
update {table} set {sets} where device_id = $1 and ts = from_us($2) and seq = $3
