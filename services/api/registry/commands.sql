-- name: add_command
insert into command (device_id, command, arguments, created_by, created_at)
    values ($1, $2, $3, $4, $5) returning id

-- name: tell_senders
select pg_notify('firetower_command', '')
