-- How many clients the broker has, and how many devices it may have: the alarm connections_full is judged by these.
alter table ingest_lane add column connections integer, add column connections_limit integer;
