-- New chunks of readings hold seven days: planning looks at a seventh of the chunks. Existing chunks stay as they are.
select set_chunk_time_interval('reading_hydrant', interval '7 days');
select set_chunk_time_interval('reading_electrical', interval '7 days');
select set_chunk_time_interval('reading_water', interval '7 days');
select set_chunk_time_interval('reading_panel', interval '7 days');
