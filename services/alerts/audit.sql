-- name: anchors
select id, at, chains, heads, detail, previous, signature from alarm_anchor order by id

-- name: transitions
select alarm_id, number, at, actor, act, outcome, from_state, to_state, detail, previous, hash
from alarm_transition order by alarm_id, number

-- name: heads
select id, transitions, encode(head, 'hex') as head from alarm order by id
