-- Devices of which nothing usable comes, looked for every second; an accepted message leaves `refused` at 0 and the row in place.
create index device_state_refused on device_state (refused) where refused > 1 and unreadable_since is null;
