-- name: all_is_well
select exists (select from ingest_lane)
    and not exists (select from ingest_lane
        where watermark is null or watermark < clock_timestamp() - interval '30 seconds')
    and not exists (select from notice
        where channel = 'desk' and fire and state = 'waiting'
            and (created_at < clock_timestamp() - interval '60 seconds'
                or created_at > clock_timestamp() + interval '60 seconds'))  -- by a clock that was set back since
    and not exists (select from alarm
        where subject = 'system' and severity = 'critical' and state <> 'closed' and cleared_at is null)
