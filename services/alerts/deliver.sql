-- name: claim
-- Only the oldest open notice of an alarm is due. fire.confirmed overtakes an alarm.escalated with what stands behind it,
-- and those of the other fires of its incident; they wait until it was sent. The result can be read whatever the row
-- holds. $8: notices left out because they cannot even be claimed, for which nothing waits; $9: only this one.
-- `untold`: confirmations that nobody has tried to tell 119 yet, or whose first attempt is under way. News of the other
-- fires of their incidents wait for them, and no longer: what 119 does not take of one fire it may take of another. Nor do
-- they wait for one that itself waits for older news of its alarm, which a person may hold: nothing waits in a circle.
with untold as materialized (
    select c.alarm_id, c.incident_id, c.channel, c.created_at from notice c
    where c.state = 'waiting' and c.type = 'fire.confirmed' and c.attempts <= 1 and c.last_error is null
        and not c.id = any($8::uuid[])
        and not exists (
            select from notice o
            where o.alarm_id = c.alarm_id and o.channel = c.channel and o.number < c.number
                and o.state in ('waiting', 'held') and not o.id = any($8::uuid[])
                and not exists (
                    select from notice e
                    where e.alarm_id = c.alarm_id and e.channel = c.channel and e.state in ('waiting', 'held')
                        and e.number <= o.number and e.type = any(c.overtakes)))
)
update notice set claimed_by = $1, claimed_until = $3, attempts = least(attempts, 2000000000) + 1
where id in (
    select n.id
    from notice n
    where n.state = 'waiting' and n.fire = $4 and (n.channel = 'desk') = $6
        -- no notice of a fire waits for more than a minute, and none is claimed for one, but by a clock that was set back
        -- since; half a minute more, because a busy machine looks by a time that is past when another attempt puts it off.
        -- What is no fire may be asked to wait for an hour: its last attempt says by which clock that was
        and (n.due_at <= $2 or (n.due_at > $2 + interval '90 seconds' and (n.fire or coalesce(
            (select a.at from notice_attempt a where a.notice_id = n.id order by a.number desc limit 1), n.created_at)
            > $2 + interval '90 seconds')))
        -- a confirmation that waits behind the news of its own alarm takes them along, past those of other fires
        and (cardinality($7::text[]) = 0 or n.type = any($7::text[]) or n.alarm_id in (
            select u.alarm_id from notice u
            where u.state = 'waiting' and u.channel = 'desk' and u.type = any($7::text[])
                and 'fire.confirmed' = any($7::text[])))
        and (n.claimed_until is null or n.claimed_until < $2 or n.claimed_until > $2 + interval '90 seconds')
        and not n.id = any($8::uuid[]) and ($9::uuid is null or n.id = $9)
        and not exists (
            select from notice o
            where o.alarm_id = n.alarm_id and o.channel = n.channel and o.id <> n.id and o.state in ('waiting', 'held')
                and not o.id = any($8::uuid[])
                -- the older one goes first; the newer one where it overtakes the older, or what the older waits behind: that
                -- would else wait for what is overtaken, and hold up what overtakes, for ever
                and (o.number < n.number) <> (o.type <> n.type and exists (
                    select from notice e
                    where e.alarm_id = n.alarm_id and e.channel = n.channel and e.state in ('waiting', 'held')
                        and e.number <= least(o.number, n.number)
                        and e.type = any(case when o.number > n.number then o.overtakes else n.overtakes end))))
        and (n.type <> 'alarm.escalated' or not exists (
            select from notice c
            where c.incident_id = n.incident_id and c.channel = n.channel and c.state = 'waiting'
                and n.type = any(c.overtakes) and not c.id = any($8::uuid[])))
        and (n.type = 'fire.confirmed' or not exists (
            select from untold c
            where c.incident_id = n.incident_id and c.channel = n.channel and c.alarm_id <> n.alarm_id
                and c.created_at <= n.created_at))
    order by n.type <> 'fire.confirmed', n.due_at, n.created_at
    limit $5
    for update of n skip locked)
returning id, incident_id, type, fire, channel, target::text, body, attempts,
    extract(epoch from created_at)::float8 as created_s, delivered_at is null as first

-- name: due
-- Candidates for a claim, when claiming all at once fails.
select id from notice
where state = 'waiting' and fire = $2 and (channel = 'desk') = $3
    and (due_at <= $1 or due_at > $1 + interval '90 seconds')
    and (claimed_until is null or claimed_until < $1 or claimed_until > $1 + interval '90 seconds')
    and not id = any($4::uuid[])
order by due_at, created_at limit 200

-- name: hold_old
-- Notices other than fires that are older than an hour when delivery resumes wait for a person.
update notice set state = 'held'
where state = 'waiting' and channel = 'desk' and not fire and released_at is null and created_at < $1

-- name: add_attempt
insert into notice_attempt (notice_id, number, at, duration_ms, status, error, answer)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing

-- name: delivered
-- one that is sent again was told when it was first accepted
update notice set state = 'delivered', delivered_at = coalesce(delivered_at, $2), claimed_until = null, last_status = $3,
    last_error = null, desk_incident_id = coalesce($4, desk_incident_id)
where id = $1

-- name: keep_desk_incident
update incident set desk_incident_id = $2 where id = $1 and desk_incident_id is null

-- name: dead
update notice set state = 'dead', dead_at = $2, claimed_until = null, last_status = $3, last_error = $4 where id = $1

-- name: contact
select name, area from contact where 'contact:' || id = $1

-- name: retry
update notice set due_at = $2, claimed_until = null, last_status = $3, last_error = $4 where id = $1

-- name: forget_claims
update notice set claimed_until = null where state = 'waiting' and claimed_until is not null

-- name: counts
select state, count(*) as notices from notice where state in ('waiting', 'held', 'dead') group by state
