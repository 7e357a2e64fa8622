-- name: hold
-- every transaction proves and prolongs its ownership before it writes; no row: somebody else owns the lane
update lease set expires_at = clock_timestamp() + interval '3 seconds'
where name = $1 and owner = $2::uuid
returning nextval(pg_get_serial_sequence('ingest_batch', 'id')) as batch_id

-- name: insert_readings
-- a part of one statement behind `held`, which is `hold`; {table}, {columns}, {arrays} come from the contracts.
-- Arrays are unnested in the select list, here and in update_state: in `from`, each of thirty is written to a table of
-- its own and read again, which is a seventh of what a reading costs the database.
insert into {table} (device_id, ts, seq, received_at, late, clock_behind, {columns}, extra, batch_id)
select device_id, from_us(ts), seq, from_us(received_at), coalesce(late, false), coalesce(clock_behind, false), {columns},
       extra::jsonb, held.batch_id
from held, (
    select unnest($1::text::integer[]) as device_id, unnest($2::text::bigint[]) as ts, unnest($3::text::bigint[]) as seq,
           unnest($4::text::bigint[]) as received_at, unnest($5::text::boolean[]) as late,
           unnest($6::text::boolean[]) as clock_behind, {arrays}) as r
on conflict do nothing
returning 1

-- name: count_inserted
, (select count(*) from {kind}) as {kind}

-- name: held
select batch_id{counts} from held

-- name: find_inserted
-- which rows of the batch are new; bounds of time leave all chunks but theirs aside, be the table ever so old
select device_id, to_us(ts) as ts, seq from {table}
where batch_id = $1 and ts between from_us($2) and from_us($3)

-- name: insert_events
-- A nameless event is new when nothing like it came for ten minutes: a device sends what was not acknowledged again
-- after five at most (contract 3), so what comes later is the next fire. So is what comes after its end: the same
-- condition over, or a reset; and a reset after what it may end. So is what comes after one that our own clock, set back
-- since, calls later than now; an end that it calls later than now was before this one. `ts` is the time such an event
-- was received. Of one that is counted the ten minutes alone hold: its number tells it from the others of that time.
with e as materialized (
    select *
    from unnest($2::integer[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[], $7::boolean[], $8::text[],
                $9::text[], $10::boolean[], $11::text[], $12::text[], $13::integer[], $14::integer[], $15::text[],
                $16::timestamptz[], $17::jsonb[], $18::jsonb[], $19::boolean[], $20::boolean[], $21::integer[])
         as e (device_id, digest, received_at, ts, seq, late, event_id, type, active, component, zone,
               system_type, component_type, description, device_ts, extra, sent, nameless, counted, place)
), fresh as (
    insert into event_key (device_id, digest, received_at)
    select device_id, digest, from_us(case when nameless then ts else received_at end) from e
    order by device_id, digest
    on conflict do nothing
    returning device_id, digest
), again as (
    update event_key k set received_at = from_us(e.ts)
    from e join event_key before using (device_id, digest)
    where e.nameless and k.device_id = e.device_id and k.digest = e.digest
        and (before.received_at < from_us(e.ts)
             or before.received_at > greatest(from_us(e.received_at), clock_timestamp()) + interval '1 minute')
    returning k.device_id, k.digest, before.received_at not between from_us(e.ts) - interval '10 minutes' and from_us(e.ts)
        or not e.counted and exists (
        select from event x
        where x.device_id = e.device_id and x.ts > before.received_at
            and x.received_at <= greatest(from_us(e.received_at), clock_timestamp()) + interval '1 minute'
            and case when e.type = 'reset' then x.type <> 'reset' and x.active
                     else x.type = 'reset'
                         or (x.active <> e.active and x.type = e.type and x.component = e.component) end
    ) as is_new
), stored as (
    select device_id, digest from fresh union all select device_id, digest from again where is_new
)
insert into event (
    device_id, digest, received_at, ts, seq, late, event_id, type, active, component, zone,
    system_type, component_type, description, device_ts, extra, sent, place, batch_id)
select e.device_id, e.digest, from_us(e.received_at), from_us(e.ts), e.seq, e.late, e.event_id, e.type, e.active,
       e.component, e.zone, e.system_type, e.component_type, e.description, e.device_ts, e.extra, e.sent, e.place, $1
from e join stored using (device_id, digest)
returning device_id, digest

-- name: insert_rejects
insert into reject (batch_id, received_at, topic, payload, reason, detail, element, device_id, stored)
select $1, from_us(received_at), topic, payload, reason, detail, element, device_id, stored
from unnest($2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::integer[], $8::integer[], $9::boolean[])
     as r (received_at, topic, payload, reason, detail, element, device_id, stored)

-- name: gives_way
(coalesce(u.went_back, false) or s.received_at > greatest(from_us(u.newest_received), clock_timestamp()) + interval '1 minute')

-- name: update_state
-- gives_way, above: the newest of the row does, to what comes, because its device's clock has gone back since, or our own
-- that received it;
-- mute: nothing usable came in this batch, so what was refused before still counts;
-- a batch newer than all we have replaces the state where it holds every field, else lays its fields over the old ones;
-- any other batch is merged field by field, unless nothing in it can change the state
update device_state s set
    state = case when u.newest is null then s.state
                 when is_behind(s, coalesce(u.oldest, u.newest)) or {gives_way}
                 then case when u.whole then u.fields else s.state || u.fields end
                 when is_settled(s, u.fields, u.newest) then s.state
                 else (merge_state(s, u.fields, u.fields_at::jsonb,
                                   jsonb_build_array(u.newest, u.newest_received, u.newest_seq))).state end,
    state_at = case when u.newest is null then s.state_at
                    when is_behind(s, coalesce(u.oldest, u.newest)) or {gives_way}
                    then case when u.whole then coalesce(u.fields_at, '{}')::jsonb
                              else older_at(s, u.fields) || coalesce(u.fields_at, '{}')::jsonb end
                    when is_settled(s, u.fields, u.newest) then s.state_at
                    else (merge_state(s, u.fields, u.fields_at::jsonb,
                                      jsonb_build_array(u.newest, u.newest_received, u.newest_seq))).state_at end,
    ts = case when is_newest(s, u.newest, u.newest_received, u.newest_seq) or u.newest is not null and {gives_way}
              then from_us(u.newest) else s.ts end,
    received_at = case when is_newest(s, u.newest, u.newest_received, u.newest_seq) or u.newest is not null and {gives_way}
                       then from_us(u.newest_received) else s.received_at end,
    seq = case when is_newest(s, u.newest, u.newest_received, u.newest_seq) or u.newest is not null and {gives_way}
              then u.newest_seq else s.seq end,
    last_seen = greatest(s.last_seen, from_us(u.seen)),
    last_topic = coalesce(u.topic, s.last_topic),
    online = s.online or u.seen is not null,
    offline_since = case when u.seen is null then s.offline_since end,
    connected = coalesce(u.connected, s.connected),
    connected_at = coalesce(from_us(u.connected_at), s.connected_at),
    telemetry_ts = coalesce(from_us(coalesce(u.head_ts, u.newest)), s.telemetry_ts),
    telemetry_seq = coalesce(u.head_seq, u.newest_seq, s.telemetry_seq),
    telemetry_missing = coalesce(u.missing, 0),
    clock = u.clock::jsonb,
    refused = coalesce(u.refused, 0) + case when u.mute then s.refused else 0 end,
    refused_since = coalesce(case when u.mute then s.refused_since end, from_us(u.refused_since)),
    refused_reason = coalesce(u.refused_reason, case when u.mute then s.refused_reason end),
    unreadable_since = case when u.mute then s.unreadable_since end
from (
    select jsonb_array_elements($1::text::jsonb) as fields, unnest($2::text::integer[]) as device_id,
           unnest($3::text[]) as fields_at, unnest($4::text::bigint[]) as oldest, unnest($5::text::bigint[]) as newest,
           unnest($6::text::bigint[]) as newest_received, unnest($7::text::bigint[]) as newest_seq,
           unnest($8::text::bigint[]) as seen, unnest($9::text[]) as topic, unnest($10::text::boolean[]) as connected,
           unnest($11::text::bigint[]) as connected_at, unnest($12::text::bigint[]) as head_ts,
           unnest($13::text::bigint[]) as head_seq, unnest($14::text::bigint[]) as missing,
           unnest($15::text::boolean[]) as whole, unnest($16::text[]) as clock, unnest($17::text::boolean[]) as mute,
           unnest($18::text::bigint[]) as refused, unnest($19::text::bigint[]) as refused_since,
           unnest($20::text[]) as refused_reason, unnest($21::text::boolean[]) as went_back) as u
where s.device_id = u.device_id

-- name: update_heard
-- The event lane never waits for a row that the telemetry lane holds: what is skipped is written with the next batch.
-- The telemetry lane, wherever it runs, is told of another topic: it writes its own only while it knows of another.
-- A row without a count (`missing` is null) is only locked, for its loss accounting.
with free as materialized (
    select device_id, last_topic from device_state where device_id = any($1::integer[])
    order by device_id for update skip locked
), written as (
update device_state s set
    last_seen = greatest(s.last_seen, from_us(u.seen)),
    last_topic = coalesce(u.topic, s.last_topic),
    online = s.online or u.seen is not null,
    offline_since = case when u.seen is null then s.offline_since end,
    event_ts = coalesce(from_us(u.head_ts), s.event_ts),
    event_seq = coalesce(u.head_seq, s.event_seq),
    event_missing = coalesce(u.missing, s.event_missing),
    refused = coalesce(u.refused, 0) + case when u.mute then s.refused else 0 end,
    refused_since = coalesce(case when u.mute then s.refused_since end, from_us(u.refused_since)),
    refused_reason = coalesce(u.refused_reason, case when u.mute then s.refused_reason end),
    unreadable_since = case when u.mute then s.unreadable_since end
from unnest($1::integer[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::boolean[],
            $8::integer[], $9::bigint[], $10::text[])
     as u (device_id, seen, topic, head_ts, head_seq, missing, mute, refused, refused_since, refused_reason)
join free using (device_id)
where s.device_id = u.device_id
returning s.device_id, case when u.topic <> coalesce(free.last_topic, '') then u.topic end as turned
)
select device_id, case when turned is not null then pg_notify('firetower_topic', turned) end from written

-- name: add_quality
insert into device_quality as q (device_id, hour, gaps, restarts, duplicates, late, rejects)
select device_id, date_trunc('hour', now()), gaps, restarts, duplicates, late, rejects
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
     as t (device_id, gaps, restarts, duplicates, late, rejects)
order by device_id
on conflict (device_id, hour) do update set
    gaps = q.gaps + excluded.gaps,
    restarts = q.restarts + excluded.restarts,
    duplicates = q.duplicates + excluded.duplicates,
    late = q.late + excluded.late,
    rejects = q.rejects + excluded.rejects

-- name: add_flood
-- a flood that was over for five minutes is another one when it comes back
insert into device_flood as f (device_id, began_at, last_at, elements)
select device_id, clock_timestamp(), clock_timestamp(), elements
from unnest($1::integer[], $2::bigint[]) as t (device_id, elements)
on conflict (device_id) do update set
    began_at = case when f.last_at < clock_timestamp() - interval '5 minutes' then excluded.began_at else f.began_at end,
    elements = case when f.last_at < clock_timestamp() - interval '5 minutes' then 0 else f.elements end
               + excluded.elements,
    fires = case when f.last_at < clock_timestamp() - interval '5 minutes' then 0 else f.fires end,
    others = case when f.last_at < clock_timestamp() - interval '5 minutes' then 0 else f.others end,
    last_at = excluded.last_at

-- name: add_batch
-- nothing comes back: this number is taken, by our own commit whose answer was lost or by another owner
insert into ingest_batch (
    id, writer, number, owner, lane, first_received_at, min_ts, max_ts,
    hydrant, electrical, water, panel, events, rejects, duplicates, seen)
overriding system value
values ($1, $2, $3, $4::uuid, $5, from_us($6), from_us($7), from_us($8), $9, $10, $11, $12, $13, $14, $15, $16)
on conflict (writer, number) do nothing
returning id

-- name: tell
-- behind `batch`, which is `add_batch`
select pg_notify('firetower_batch', '') from batch

-- name: owner_of
select owner::text from ingest_batch where writer = $1 and number = $2

-- name: last_number
select coalesce(max(number), 0) from ingest_batch where writer = $1

-- name: advance_watermark
-- after a gap over 10 s the silence of every device is counted from its end
update ingest_lane set
    watermark = case when watermark > greatest(from_us($2), clock_timestamp()) + interval '10 seconds' then from_us($2)
                     else greatest(watermark, from_us($2)) end,
    -- and after the clock was set back: what was heard by the other clock says nothing of who is silent by this one
    watermark_gap_at = case when watermark is null or from_us($2) > watermark + interval '10 seconds'
                                or watermark > greatest(from_us($2), clock_timestamp()) + interval '10 seconds'
                            then clock_timestamp() else watermark_gap_at end
where writer = $1
