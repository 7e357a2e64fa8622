-- name: add_person
insert into person (username, name, password_hash, role, areas, language) values ($1, $2, $3, $4, $5, $6)
    on conflict (username) do nothing returning id

-- name: disable
update person set enabled = false, version = version + 1, updated_at = $2 where id = $1

-- name: lock_person
select version from person where id = $1 for update

-- name: end_sessions
delete from web_session where person_id = $1

-- name: lock_administrators
select id, areas from person where role = 'administrator' and enabled order by id for update
