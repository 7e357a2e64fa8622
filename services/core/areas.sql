-- name: add_unknown
-- a code nobody registered gets its code as its name, below the longest code that starts it
insert into area (code, name, parent)
select n.code, n.code,
       (select a.code from area a where starts_with(n.code, a.code) order by length(a.code) desc limit 1)
from unnest($1::text[]) as n (code)
where not exists (select from area a where a.code = n.code)
on conflict do nothing
