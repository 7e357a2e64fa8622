-- The resets of a device, of which there are few among its events: alerts looks them up for each fault that it reads.
create index event_reset on event (device_id, ts desc) where type = 'reset';
