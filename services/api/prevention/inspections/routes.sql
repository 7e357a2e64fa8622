-- name: photo
select content from inspection_photo where inspection_id = :id
