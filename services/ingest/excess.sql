-- name: senders
-- $1: rejects; devices of which more were refused since yesterday began (UTC), and null: what names no device of ours.
-- Of each both days: what waited in the spool was received on the day before it was counted.
select device_id, day
from (
    select device_id from device_quality
    where hour >= date_trunc('day', now() - interval '1 day', 'UTC')
    group by device_id having sum(rejects) > $1
    union all select null) as sender,
    generate_series(date_trunc('day', now(), 'UTC') - interval '24 hours', now(), interval '24 hours') as day
order by device_id, day

-- name: newest_excess
-- The newest reject of a day and of one sort, events or the rest, that is one too many or too large ($5, $6). A payload
-- counts as it is stored, which costs no reading of it.
select received_at, id from (
    select received_at, id, row_number() over newest as place, sum(bytes) over newest as bytes
    from (
        select received_at, id, pg_column_size(payload) as bytes from reject
        where {whose} and (split_part(topic, '/', 7) = 'event') = $2 and received_at >= $3 and received_at < $4
        order by received_at desc, id desc limit $5 + 1) as of_day
    window newest as (order by received_at desc, id desc)) as counted
where place > $5 or bytes > $6
order by place limit 1

-- name: drop_excess
-- from $4, $5 back: never of the last hour, which alerts may still have to read, and never what waits for a replay, which
-- is asked again of a row that somebody changes at this moment
delete from reject where id in (
    select id from reject
    where {whose} and (split_part(topic, '/', 7) = 'event') = $2 and received_at >= $3
        and (received_at, id) <= ($4::timestamptz, $5::bigint) and received_at < now() - interval '1 hour'
        and (replay_requested_at is null or replayed_at is not null)
    limit $6)
    and (replay_requested_at is null or replayed_at is not null)
