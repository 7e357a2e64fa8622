-- The facts: one wide hypertable per kind, and events. Names carry the unit.

create table reading_hydrant (
    device_id integer not null, ts timestamptz not null, seq bigint not null,
    received_at timestamptz not null, batch_id bigint not null, late boolean not null default false,
    pressure_mpa double precision, flow_lps double precision, water_temp_c double precision,
    tilt_deg double precision, cap_open boolean, water_present boolean,
    battery_pct double precision, rsrp_dbm double precision,
    extra jsonb
);

create table reading_electrical (
    device_id integer not null, ts timestamptz not null, seq bigint not null,
    received_at timestamptz not null, batch_id bigint not null, late boolean not null default false,
    residual_current_ma double precision,
    temp_a_c double precision, temp_b_c double precision, temp_c_c double precision, temp_n_c double precision,
    current_a_a double precision, current_b_a double precision, current_c_a double precision,
    voltage_a_v double precision, voltage_b_v double precision, voltage_c_v double precision,
    power_kw double precision, power_factor double precision, frequency_hz double precision,
    energy_kwh double precision, arc_count bigint, relay_closed boolean,
    extra jsonb
);

create table reading_water (
    device_id integer not null, ts timestamptz not null, seq bigint not null,
    received_at timestamptz not null, batch_id bigint not null, late boolean not null default false,
    level_m double precision, level_pct double precision, water_temp_c double precision,
    battery_pct double precision, rsrp_dbm double precision,
    extra jsonb
);

create table reading_panel (
    device_id integer not null, ts timestamptz not null, seq bigint not null,
    received_at timestamptz not null, batch_id bigint not null, late boolean not null default false,
    mains_ok boolean, battery_ok boolean, link_ok boolean, battery_v double precision,
    extra jsonb
);

-- ts is the device's time, or the receive time where the device's was implausible (device_ts then keeps it).
create table event (
    device_id integer not null, ts timestamptz not null, seq bigint,
    received_at timestamptz not null, batch_id bigint not null, late boolean not null default false,
    event_id text not null, type text not null, active boolean not null default true,
    component text not null default '', zone text not null default '',
    system_type integer, component_type integer, description text not null default '',
    device_ts timestamptz, digest bytea not null,
    extra jsonb
);

-- Identity of an event, independent of its time; its rows live as long as their events.
create table event_key (
    device_id integer not null, digest bytea not null, received_at timestamptz not null,
    primary key (device_id, digest)
);
create index event_key_age on event_key (received_at);

select create_hypertable('reading_hydrant', by_range('ts', interval '1 day'), create_default_indexes => false);
select create_hypertable('reading_electrical', by_range('ts', interval '1 day'), create_default_indexes => false);
select create_hypertable('reading_water', by_range('ts', interval '1 day'), create_default_indexes => false);
select create_hypertable('reading_panel', by_range('ts', interval '1 day'), create_default_indexes => false);
select create_hypertable('event', by_range('ts', interval '7 days'), create_default_indexes => false);

create unique index reading_hydrant_key on reading_hydrant (device_id, ts, seq);
create unique index reading_electrical_key on reading_electrical (device_id, ts, seq);
create unique index reading_water_key on reading_water (device_id, ts, seq);
create unique index reading_panel_key on reading_panel (device_id, ts, seq);
create unique index event_identity on event (device_id, ts, digest);
create index event_newest on event (ts desc);

-- The feed reads a batch by its id; ids only grow, so the index stays at its right edge.
create index reading_hydrant_batch on reading_hydrant (batch_id);
create index reading_electrical_batch on reading_electrical (batch_id);
create index reading_water_batch on reading_water (batch_id);
create index reading_panel_batch on reading_panel (batch_id);
create index event_batch on event (batch_id);

-- reading_*_hourly: min, max, mean and last of each number per device and hour. A plain view on the Apache edition
-- (a device's hours come from the key index), a continuous aggregate where the Community edition is present.
do $$
declare
    kind text;
    list text;
    community boolean := coalesce(current_setting('timescaledb.license', true), 'apache') = 'timescale';
begin
    foreach kind in array array['hydrant', 'electrical', 'water', 'panel'] loop
        select string_agg(format(
            'min(%1$I) as %1$s_min, max(%1$I) as %1$s_max, avg(%1$I)::double precision as %1$s_mean, last(%1$I, ts) as %1$s_last',
            column_name), ', ' order by ordinal_position)
        into list
        from information_schema.columns
        where table_schema = current_schema and table_name = 'reading_' || kind
          and data_type in ('double precision', 'bigint') and column_name not in ('seq', 'batch_id');
        if community then
            execute format(
                'create materialized view reading_%1$s_hourly with (timescaledb.continuous, timescaledb.materialized_only = false) as '
                'select device_id, time_bucket(interval ''1 hour'', ts) as hour, count(*) as readings, %2$s '
                'from reading_%1$s group by device_id, hour with no data', kind, list);
            perform add_continuous_aggregate_policy(('reading_' || kind || '_hourly')::regclass,
                start_offset => interval '31 days', end_offset => interval '1 hour', schedule_interval => interval '1 hour');
            execute format('alter table reading_%s set (timescaledb.compress, '
                'timescaledb.compress_segmentby = ''device_id'', timescaledb.compress_orderby = ''ts, seq'')', kind);
            -- older than the 30 days that late data may reach back
            perform add_compression_policy(('reading_' || kind)::regclass, interval '35 days');
        else
            execute format(
                'create view reading_%1$s_hourly as '
                'select device_id, time_bucket(interval ''1 hour'', ts) as hour, count(*) as readings, %2$s '
                'from reading_%1$s group by device_id, time_bucket(interval ''1 hour'', ts)', kind, list);
        end if;
    end loop;
end
$$;
