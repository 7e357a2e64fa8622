-- name: take
insert into lease as l (name, owner, expires_at)
values ($1, $2::uuid, clock_timestamp() + interval '3 seconds')
on conflict (name) do update
set owner = excluded.owner,
    expires_at = clock_timestamp() + interval '3 seconds',
    taken_at = case when l.owner = excluded.owner then l.taken_at else clock_timestamp() end
where l.owner = excluded.owner or l.expires_at < clock_timestamp()
    -- nobody prolongs it for so long: the clock was set back, and whoever owns it may have ended before that
    or l.expires_at > clock_timestamp() + interval '6 seconds'
returning token

-- name: release
update lease set expires_at = clock_timestamp() where name = $1 and owner = $2::uuid

-- name: owner
select owner::text from lease where name = $1
