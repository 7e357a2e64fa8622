-- name: subscriptions_of
-- the active ones behind which $1 stands, with all who do: a key that was revoked made them no less, and what became of
-- the keys that made a key is nothing to it
with recursive maker as (
    select s.id, s.created_by, 0 as steps from subscription s where s.state = 'active'
    union all
    select m.id, k.created_by, m.steps + 1
    from maker m join api_key k on k.name = substring(m.created_by from 5)
    where starts_with(m.created_by, 'key:') and m.steps < 20
)
select s.id, s.name, s.areas,
    array(select jsonb_build_object('role', p.role, 'areas', p.areas, 'stands', p.enabled)
          from maker m join person p on p.username = substring(m.created_by from 6)
          where m.id = s.id and starts_with(m.created_by, 'user:')
          union all
          select jsonb_build_object('role', k.role, 'areas', k.areas, 'stands', k.revoked_at is null)
          from api_key k where starts_with(s.created_by, 'key:') and k.name = substring(s.created_by from 5)) as makers
from subscription s
where s.state = 'active' and exists (select from maker m where m.id = s.id and m.created_by = $1)
order by s.id
for update of s

-- name: pause
update subscription set state = 'paused', version = version + 1, updated_at = $2 where id = $1
