-- reading_*_hourly is a plain view on both editions. As continuous aggregates (Community edition) they hid late rows, lost
-- hours older than the refresh window and outlived the retention.
do $$
declare
    kind text;
    list text;
begin
    for kind in
        select a.hypertable_name::text from timescaledb_information.continuous_aggregates a
        where a.view_schema = current_schema and a.view_name = a.hypertable_name || '_hourly'
    loop
        execute format('drop materialized view %s_hourly', kind);
        select string_agg(format(
            'min(%1$I) as %1$s_min, max(%1$I) as %1$s_max, avg(%1$I)::double precision as %1$s_mean, last(%1$I, ts) as %1$s_last',
            column_name), ', ' order by ordinal_position)
        into list
        from information_schema.columns
        where table_schema = current_schema and table_name = kind
          and data_type in ('double precision', 'bigint') and column_name not in ('seq', 'batch_id');
        execute format(
            'create view %1$s_hourly as '
            'select device_id, time_bucket(interval ''1 hour'', ts) as hour, count(*) as readings, %2$s '
            'from %1$s group by device_id, time_bucket(interval ''1 hour'', ts)', kind, list);
    end loop;
end
$$;
