-- How late the report in `reason` came, in minutes; null: in time. Until now it was read out of the sentence.
alter table alarm add column late_min integer;
update alarm set late_min = substring(reason_en from '\(reported ([0-9]{1,9}) min late\)')::integer
where reason_en ~ '\(reported [0-9]{1,9} min late\)';
