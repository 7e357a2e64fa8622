-- name: wait_a_moment
set local lock_timeout = '1s'

-- name: wait_as_usual
reset lock_timeout

-- name: take_turn
select pg_advisory_xact_lock(hashtext('firetower.grids'))

-- name: parents
select id, parent, area from grid

-- name: find
select id, area, parent, version, people,
    (select coalesce(sum(npoints(ring)), 0) from grid_ring where grid_id = $1) as positions
from grid where id = $1

-- name: forget_rings
delete from grid_ring where grid_id = $1

-- name: add_ring
insert into grid_ring (grid_id, part, number, ring, west, south, east, north)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: remove
delete from grid where id = $1
