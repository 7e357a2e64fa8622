-- name: was_cleared
-- Whether a person has cleared the alarm of a lane ($1) after a time ($2).
select exists (
    select from alarm a join alarm_transition t on t.alarm_id = a.id
    where a.updated_at > $2 and a.subject = 'system' and a.code = 'ingest_stalled' and a.component = $1
        and a.state = 'closed' and t.act = 'clear' and t.at > $2 and t.to_state = 'closed')

-- name: forget
delete from ingest_lane where writer = $1 and updated_at = $2
