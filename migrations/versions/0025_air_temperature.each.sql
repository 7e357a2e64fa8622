-- The air around a hydrant or a water level, where its device measures it.
-- Each statement locks every chunk of its table and its indexes: 1200 locks for 400 days.
alter table reading_hydrant add column if not exists air_temp_c double precision;
alter table reading_water add column if not exists air_temp_c double precision;
