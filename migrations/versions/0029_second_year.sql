-- What alerts and ingest ask every second, by indexes: a year of rows behind it, each stood in front of the next fire.
create index reject_batch on reject (batch_id);
create index notice_unsettled on notice (state) where state in ('waiting', 'held', 'dead');
create index alarm_of_dispatch on alarm (closed_at) where subject = 'system' and code = 'dispatch_failed';
create index command_sent on command (answer_by) where state = 'sent';
