-- name: held
select (select count(*) from grid) as grids, (select coalesce(sum(npoints(ring)), 0) from grid_ring) as positions
