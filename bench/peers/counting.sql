-- name: make_table
-- what a peer stores: the fields of a hydrant's reading, and the one index that a chart of a device needs
drop table if exists peer_reading;
create table peer_reading (
    device text not null, ts timestamptz not null, seq bigint not null, received_at timestamptz not null default now(),
    pressure_mpa double precision, flow_lps double precision, water_temp_c double precision, tilt_deg double precision,
    cap_open boolean, water_present boolean, battery_pct double precision, rsrp_dbm double precision
);
create index peer_reading_device on peer_reading (device, ts);

-- name: peer_moving
-- grows while rows come in, without counting them
select coalesce(max(n_tup_ins), 0)::bigint from pg_stat_user_tables where relname = 'peer_reading'

-- name: peer_kept
-- `received_at` is the beginning of the transaction that stored it: a few milliseconds in the peer's favour
select count(*) as rows, count(distinct (device, seq)) as distinct_rows,
       coalesce(extract(epoch from max(received_at)), 0)::float8 as last_commit_s
from peer_reading where device like $1 || '%'

-- name: our_moving
select coalesce(sum(hydrant), 0)::bigint from ingest_batch
where lane = 'telemetry' and committed_at > now() - interval '1 hour'

-- name: our_kept
select count(*) as rows, count(distinct (r.device_id, r.seq)) as distinct_rows,
       coalesce(extract(epoch from max(b.committed_at)), 0)::float8 as last_commit_s
from reading_hydrant r join ingest_batch b on b.id = r.batch_id
where r.device_id in (select id from device where code like $1 || '%')
