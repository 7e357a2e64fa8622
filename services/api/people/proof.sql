-- name: find_person
select id, role, areas, language, password_hash from person where username = $1 and enabled
