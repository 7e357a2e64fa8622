-- name: open_windows
-- a year that the driver cannot hold would fail the whole group
select id, least(test_window_until, '9000-01-01') as until from site where id = any($1::integer[]) and test_window_until > $2
