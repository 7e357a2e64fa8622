-- name: versions
-- the first line of each version of these alarms' chains, and that by which a fire of it is no test any more
select distinct on (alarm_id, version, in_earnest) alarm_id, version, in_earnest, at, to_state, verification, incident_id
from (select alarm_id, at, number, to_state, detail ->> 'verification' as verification,
          detail ->> 'incident_id' as incident_id,
          (detail ->> 'version')::integer as version, detail ? 'in_earnest' as in_earnest
      from alarm_transition where alarm_id = any(cast(:ids as bigint[]))) t
order by alarm_id, version, in_earnest, number

-- name: county
-- the area that contains most others
select coalesce((
    select a.code from area a where a.parent is null
    order by (select count(*) from area b where starts_with(b.code, a.code)) desc, a.code limit 1), '') as county
