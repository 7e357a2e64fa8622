-- What a contact answered is shown to administrators alone, beside the attempt; until now it stood in the errors, which
-- everybody reads. Of those the status stays.
update notice set last_error = split_part(last_error, ':', 1)
where channel <> 'desk' and last_error ~ '^HTTP [0-9]+:';
update notice_attempt set error = split_part(error, ':', 1)
where error ~ '^HTTP [0-9]+:' and notice_id in (select id from notice where channel <> 'desk');
