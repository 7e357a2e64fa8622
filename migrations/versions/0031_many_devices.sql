-- What push and the gateway ask every second or two of all devices, by indexes: a million of them took 2 s and 1 s each time.
create index device_service_end on device (out_of_service_until) where out_of_service_until is not null;
create index device_panel on device (code) where gateway_address is not null or code ~ '^utd-[0-9a-f]{12}$';
