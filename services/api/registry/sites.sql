-- name: lock_site
select area, version from site where id = $1 for no key update
