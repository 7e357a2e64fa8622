-- name: write_events
insert into subscription_event (type, subject, area, at, data, device_id, alarm_id, cap)
select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[], $6::integer[], $7::bigint[],
                     $8::boolean[])
