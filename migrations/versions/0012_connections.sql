-- How many clients the broker has, and how many devices it may have at most: what the alarm connections_full is judged by.
alter table ingest_lane add column connections integer, add column connections_limit integer;
