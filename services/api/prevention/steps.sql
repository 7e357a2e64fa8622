-- name: who_made_the_key
select created_by from api_key where key_hash = $1
