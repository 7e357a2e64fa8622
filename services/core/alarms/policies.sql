-- name: policies
-- all but the words for people: this is read in every transaction, and no transition depends on them
select name, body::text as body from policy where name <> 'responses' order by name
