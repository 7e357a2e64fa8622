-- What a deleted incident's notices are looked up by; without it each looked through all notices.
create index notice_incident on notice (incident_id) where incident_id is not null;
-- When 119 last took a notice, asked every second while it takes none.
create index notice_delivered on notice (delivered_at) where channel = 'desk' and delivered_at is not null;
