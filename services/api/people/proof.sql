-- name: find_person
select id, name, role, areas, language, password_hash from person where username = $1 and enabled
