-- name: open_fire_scopes
select distinct scope from alarm where scope = any($1::text[]) and state <> 'closed'
