-- Incidents stayed open where the last of their alarms were closed together. When they were last touched, they were over.
update incident i set closed_at = i.updated_at
where i.closed_at is null
    and exists (select from alarm a where a.incident_id = i.id)
    and not exists (select from alarm a where a.incident_id = i.id and a.state <> 'closed');
