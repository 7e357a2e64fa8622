-- A site may have an old fire incident that nobody has closed beside a new one: a fire after a long silence, or fires
-- judged again when the one that spoke for them was dismissed. So a cause is not a key.
drop index incident_open;
create index incident_open on incident (kind, cause) where closed_at is null;
