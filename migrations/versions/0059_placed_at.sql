-- Since when a device stands where it stands. Null: since its row was made, as far as anybody knows; no row is rewritten.
alter table device add column placed_at timestamptz;

-- whoever moves it: a person, an import, a program of the county
create function device_placed() returns trigger language plpgsql as $$
begin
    new.placed_at := now();
    return new;
end
$$;
create trigger device_placed before update on device for each row
    when (old.lon is distinct from new.lon or old.lat is distinct from new.lat)
    execute function device_placed();
