-- name: policies
-- all but what no transition depends on, the words for people and the weights of risk: every transaction reads this
select name, body::text as body from policy where name not in ('responses', 'risk') order by name
