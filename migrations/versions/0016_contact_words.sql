-- A contact's answer is shown only to administrators, beside the attempt. Until now it was part of the errors, which
-- everybody reads. The errors keep the status.
update notice set last_error = split_part(last_error, ':', 1)
where channel <> 'desk' and last_error ~ '^HTTP [0-9]+:';
update notice_attempt set error = split_part(error, ':', 1)
where error ~ '^HTTP [0-9]+:' and notice_id in (select id from notice where channel <> 'desk');
