-- name: ask_replay
update reject set replay_requested_at = $2, replay_requested_by = $3, replayed_at = null,
    replay_result = null where id = $1
