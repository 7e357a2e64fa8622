-- The hourly means of electrical readings leave out what no mean can hold: one energy of 1e300 made the view fail.
do $$
begin
    execute 'create or replace view reading_electrical_hourly as ' || regexp_replace(
        pg_get_viewdef('reading_electrical_hourly'::regclass),
        'avg\(((\w+\.)?energy_kwh)\)',
        'avg(\1) filter (where \1 between -1e150 and 1e150)');
end
$$;
