-- What a township's relay carries to its county, in one place: who keeps an act for the county, who asks for it, and who
-- leaves 119 to the county must agree (contract 10).

-- An alarm of a device whose rows go up, or of a whole area that does: by the topic the device used last, else by the
-- registry, as the relay reads rows. An alarm of our own about ourselves is nobody else's.
create function goes_up(a alarm) returns boolean language sql stable as $$
    select a.category <> 'system' and exists (
        select from relay_link l
        where case
            when a.device_id is null then a.subject = 'area:' || a.area and a.area = any (l.areas)
            else exists (
                select from device d left join device_state s on s.device_id = d.id
                where d.id = a.device_id
                    and (d.area = any (l.areas) or split_part(s.last_topic, '/', 3) = any (l.areas))) end)
$$;

-- Acts that earlier releases kept for the county although nothing of their alarm goes there: nobody would answer them.
delete from carried_act c using alarm a
where c.alarm_id = a.id and c.origin is null and c.result is null
    and exists (select from relay_link) and not goes_up(a);

-- what may hold up a notice
create index carried_act_untold on carried_act (alarm_id)
    where origin is null and (result is null or (result = 'no_alarm' and outcome = 'real'));
