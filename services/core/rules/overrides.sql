-- name: overrides
-- all of them: a book answers for any time, so that a change waits for its own and a backtest finds the old ones
select id, code, scope, target, parameters, effective_from from rule_parameter order by id
