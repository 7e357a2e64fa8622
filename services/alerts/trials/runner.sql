-- name: take_back
-- Of a worker that is no more: once more, then never again.
update rule_trial set
    state = case when tries < 2 then 'waiting' else 'failed' end, worker = null, progress = 0, readings = 0,
    fault = case when tries < 2 then null else '程序中断：请重新试算' end,
    fault_en = case when tries < 2 then null else 'the program ended twice meanwhile: try it again' end,
    ended_at = case when tries < 2 then null else now() end
where state = 'running' and worker is distinct from $1

-- name: take_next
update rule_trial set state = 'running', worker = $1, tries = tries + 1
where id = (select id from rule_trial where state = 'waiting' order by id limit 1 for update skip locked)
returning id

-- name: fail_unfinished
update rule_trial set
    state = 'failed', fault = '试算程序意外结束', fault_en = 'the process of the trial ended before it was done',
    ended_at = now()
where id = $1 and worker = $2 and state = 'running'
returning id

-- name: forget
delete from rule_trial where created_at < $1
