-- Indexes for queries that alerts and ingest run every second: with a year of rows each of them delayed the next fire.
create index reject_batch on reject (batch_id);
create index notice_unsettled on notice (state) where state in ('waiting', 'held', 'dead');
create index alarm_of_dispatch on alarm (closed_at) where subject = 'system' and code = 'dispatch_failed';
create index command_sent on command (answer_by) where state = 'sent';
