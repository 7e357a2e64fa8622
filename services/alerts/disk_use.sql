-- name: note
insert into disk_use (folder, at, used_bytes, free_bytes) values ($1, $2, $3, $4) on conflict do nothing

-- name: pace
-- how fast each disk fills from $1 to $2 (a clock that was ahead left rows beyond), where that is known for an hour or more
select folder, regr_slope(used_bytes, extract(epoch from at)) * 86400 as bytes_a_day
from disk_use where at between $1 and $2
group by folder having max(at) - min(at) >= interval '1 hour'

-- name: outlook
update disk_use set full_in_days = $3 where folder = $1 and at = $2

-- name: forget
delete from disk_use where at < $1
