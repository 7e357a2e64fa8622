-- name: keep
insert into early_expected (device_id, quantity, at, expected, spread)
select d.id, $2, s.at, s.expected, s.spread
from device d, unnest($3::timestamptz[], $4::real[], $5::real[]) as s (at, expected, spread)
where d.code = $1
on conflict do nothing

-- name: forget
delete from early_expected e using device d
where d.code = $1 and e.device_id = d.id and e.quantity = $2 and e.at < $3
