-- name: suspects
-- devices without the figure or the field that their rule reads first; what else may stand for it is weighed outside
select d.code, d.kind, d.name, d.area, d.limits,
       case when jsonb_typeof(s.state) = 'object' then array(select jsonb_object_keys(s.state)) else '{}' end as fields
from device d left join device_state s on s.device_id = d.id
where d.code > :after
  and case d.kind when 'electrical' then d.rated_current_a is null
                  when 'hydrant' then not coalesce(jsonb_exists(s.state, 'pressure_mpa'), false)
                  when 'water' then not coalesce(jsonb_exists(s.state, 'level_pct'), false)
                  else false end
  and (:everywhere or exists (select from unnest(cast(:areas as text[])) p where starts_with(d.area, p)))
order by d.code
