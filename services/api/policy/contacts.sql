-- name: add_contact
insert into contact (name, channel, address, area, enabled, settings, by_county)
    values ($1, $2, $3, $4, $5, $6, $7) returning id

-- name: lock_contact
select from contact where id = $1 for update

-- name: set_contact
update contact set name = $2, channel = $3, address = $4, area = $5, enabled = $6, settings = $7,
    by_county = $8, version = version + 1 where id = $1

-- name: delete_contact
delete from contact where id = $1
