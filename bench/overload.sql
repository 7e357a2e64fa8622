-- name: slow_down
-- every batch with hydrants takes $1 seconds longer: the database of a machine that is too small
create function bench_slow() returns trigger language plpgsql as $$ begin perform pg_sleep({seconds}); return null; end $$;
create trigger bench_slow after insert on reading_hydrant for each statement execute function bench_slow()

-- name: speed_up
drop trigger bench_slow on reading_hydrant;
drop function bench_slow

-- name: dropped
select coalesce(max(broker_dropped), 0) from ingest_lane where lane = 'telemetry'
