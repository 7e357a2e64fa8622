-- When 119 last took a notice that was sent again and keeps the time of its first delivery, asked like notice_delivered.
create index notice_sent_again on notice (released_at) where channel = 'desk' and released_at > delivered_at;
