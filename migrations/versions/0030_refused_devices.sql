-- Devices that send nothing usable, looked for every second; an accepted message only sets `refused` to 0.
create index device_state_refused on device_state (refused) where refused > 1 and unreadable_since is null;
