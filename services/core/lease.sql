-- name: take
insert into lease (name, owner, expires_at, taken_at)
    values ($1, $2, clock_timestamp() + make_interval(secs => $3), clock_timestamp())
    on conflict (name) do update
    set owner = excluded.owner, expires_at = excluded.expires_at, taken_at = excluded.taken_at
    where lease.expires_at < clock_timestamp() or lease.owner = excluded.owner
        -- nobody renews for so long: the clock was set back, and whoever holds it may have ended before that
        or lease.expires_at > clock_timestamp() + 2 * make_interval(secs => $3)
    returning owner

-- name: renew
update lease set expires_at = clock_timestamp() + make_interval(secs => $3)
    where name = $1 and owner = $2

-- name: release
delete from lease where name = $1 and owner = $2
