-- name: tell_programs
select pg_notify('firetower_aside', '')

-- name: ask_again
update set_aside set retry_requested_at = $2, retry_requested_by = $3 where id = $1

-- name: drop
update set_aside set done_at = $2, result = 'dropped' where id = $1
