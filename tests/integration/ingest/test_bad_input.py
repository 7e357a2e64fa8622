"""Bad input: kept, named, acknowledged, replayable; it never stops a lane and never takes a good neighbour with it."""

import itertools
import random

import orjson

from services.core.contracts import MISPLACED
from tests.support.broker_fleet import event, now_ms, reading, topic, wait_for


def malformed(i: int) -> tuple[str, bytes]:
    """One bad message of every sort in turn."""
    good = reading(i, pressure_mpa=0.3)
    sorts = [
        (topic("BAD"), b"not json %d" % i),
        (topic("BAD"), orjson.dumps(good)[:-1]),
        (topic("BAD"), b"\xff\xfe\x00%d" % i),
        (topic("BAD"), b"[]"),
        (topic("BAD"), b"%d" % i),
        (topic("BAD"), orjson.dumps({**good, "ts": None})),
        (topic("BAD"), orjson.dumps({**good, "ts": now_ms() // 1000})),
        (topic("BAD"), orjson.dumps({**good, "ts": "2026-02-30T00:00:00Z"})),
        (topic("BAD"), orjson.dumps({**good, "ts": now_ms() - 40 * 86_400_000})),
        (topic("BAD"), orjson.dumps({**good, "seq": -1})),
        (topic("BAD"), orjson.dumps({"ts": now_ms(), "seq": i})),
        (topic("BAD"), orjson.dumps({**good, "pressure_mpa": "0.3"})),
        (topic("BAD"), b'{"ts":%d,"seq":%d,"pressure_mpa":NaN}' % (now_ms(), i)),
        (topic("BAD"), b"[" * 3000 + b"%d" % i),
        ("fire/v1/1/hydrant/BAD/up/telemetry", orjson.dumps(good)),
        ("fire/v1/140931100/teapot/BAD/up/telemetry", orjson.dumps(good)),
        (topic("BAD", "up/event"), orjson.dumps({"event_id": f"x{i}", "ts": now_ms()})),
        (topic("BAD", "up/event"), b"\x00\x01%d" % i),
        (topic("BAD", "up/status"), b'{"online": "maybe %d"}' % i),
        (topic("BAD"), b'{"ts":1,"seq":1,"\\u0000":"%d"}' % i),
    ]
    return sorts[i % len(sorts)]


async def test_ten_thousand_malformed_among_ten_thousand_good(ingest, fleet, rows):
    start = now_ms()
    messages = [malformed(i) for i in range(10_000)]
    messages += [
        (topic(f"G{i % 50}"), orjson.dumps(reading(i, start + i % 1000, pressure_mpa=0.3))) for i in range(10_000)
    ]
    random.Random(7).shuffle(messages)
    pid = ingest.process.pid
    await fleet.send_all(messages)
    await rows.until("select count(*) from reading_hydrant", equals=10_000)
    await rows.until("select count(*) from reject", equals=10_000)
    assert await rows.one("select count(*) from reject where length(detail) < 20") == 0
    assert await rows.one("select count(*) from reject where reason = 'storage_refused'") == 0
    # the event lane writes what it could not count at once with its next batch (decision 0020)
    await rows.until("select sum(rejects) from device_quality q join device d on d.id = q.device_id", equals=9_000)
    assert (ingest.process.poll(), ingest.process.pid) == (None, pid)


async def test_a_bad_field_leaves_the_rest_and_one_reject_that_names_it(ingest, fleet, rows):
    await fleet.send(topic("H1"), b'{"ts":%d,"seq":1,"pressure_mpa":NaN,"flow_lps":1.5,"tilt_deg":"3"}' % now_ms())
    await rows.until("select count(*) from reject", equals=2)
    assert [tuple(row) for row in await rows.all("select pressure_mpa, flow_lps, tilt_deg from reading_hydrant")] == [
        (None, 1.5, None)
    ]
    found = await rows.all("select reason, stored, topic, device_id from reject order by reason")
    assert [row["reason"] for row in found] == ["bad_field: pressure_mpa", "bad_field: tilt_deg"]
    assert all(row["stored"] and row["topic"] == topic("H1") and row["device_id"] for row in found)


async def test_a_number_of_three_hundred_digits_ends_nothing(ingest, fleet, rows):
    body = b'{"ts":%d,"seq":1,"energy_kwh":1%s,"power_kw":NaN}' % (now_ms(), b"0" * 300)
    await fleet.send(topic("E1", kind="electrical"), body)
    await rows.until("select energy_kwh = 1e300 from reading_electrical")
    assert await rows.one("select (state ->> 'energy_kwh')::double precision = 1e300 from device_state")


async def test_a_channel_that_does_not_exist_is_kept_as_a_reject(ingest, fleet, rows):
    await fleet.send(topic("H1", "up/telemetri"), reading(1))
    await fleet.send(topic("H1", "up/event/new"), event("e", "fire"))
    await fleet.send(topic("H1", "up/up/event"), event("f", "fire"))
    await fleet.send(topic("H1", "up/event"), event("e", "fire"))
    await wait_for(lambda: sorted(fleet.acked_ids("H1")) == ["e", "f"], what="the events that are heard as such")
    assert {delivery.topic for delivery in fleet.down} == {topic("H1", "down/ack")}  # which the device hears
    await fleet.send(topic("H2", "up/telemetri"), reading(1))  # after whatever was answered
    await rows.until("select count(*) from reject where topic = $1", topic("H2", "up/telemetri"), equals=1)
    await rows.until("select count(*) from event", equals=1)
    assert {row["topic"] for row in await rows.all("select topic from reject")} == {
        topic("H2", "up/telemetri"),
        topic("H1", "up/telemetri"),
        topic("H1", "up/event/new"),
        topic("H1", "up/up/event"),
    }
    named = await rows.all("select topic from reject where starts_with(detail, $1)", MISPLACED)
    assert {row["topic"] for row in named} == {topic("H1", "up/event/new"), topic("H1", "up/up/event")}


async def test_rejected_events_are_named_on_down_ack_too(ingest, fleet, rows):
    await fleet.send(topic("P1", "up/event", "panel"), [event("good"), {"event_id": "bad", "ts": now_ms()}])
    await wait_for(lambda: sorted(fleet.acked_ids("P1")) == ["bad", "good"], what="both events acknowledged")
    assert await rows.one("select count(*) from event") == 1
    assert await rows.one("select reason from reject") == "type_unreadable"


async def test_thousands_of_small_events_are_acknowledged_in_parts_that_the_broker_takes(ingest, fleet, rows):
    await fleet.send(topic("P1", "up/event", "panel"), [{"type": "test", "n": i} for i in range(7000)])
    await wait_for(lambda: len(set(fleet.acked_ids("P1"))) == 7000, what="every derived id")
    await fleet.send(topic("P2", "up/event", "panel"), event("after", "fire"))
    await wait_for(lambda: fleet.acked_ids("P2") == ["after"], what="the lane goes on")


async def test_text_the_database_cannot_hold_is_mended_not_refused(ingest, fleet, rows):
    await fleet.send(topic("H1"), b'{"ts":%d,"seq":1,"flow_lps":1,"note":"a\\u0000b","big":1e400}' % now_ms())
    await fleet.send(topic("P1", "up/event", "panel"), b'{"type":"fire","description":"\\u0000\\ud800","x":1e999}')
    await rows.until("select count(*) from reading_hydrant", equals=1)
    await rows.until("select count(*) from event", equals=1)
    assert await rows.one("select count(*) from reject") == 0


async def test_a_poison_element_goes_to_reject_and_its_neighbours_are_stored(ingest, fleet, rows):
    await rows.connection.execute(
        "alter table reading_hydrant add constraint poison check (pressure_mpa is distinct from 0.666)"
    )
    body = [reading(i, now_ms() + i, pressure_mpa=0.666 if i == 7 else 0.3) for i in range(20)]
    await fleet.send(topic("H1"), body)
    await rows.until("select count(*) from reject where reason = 'storage_refused'", equals=1)
    await rows.until("select count(*) from reading_hydrant", equals=19)
    assert await rows.one("select 7 not in (select seq from reading_hydrant)")


async def test_a_persons_kind_wins_over_the_topic_and_the_reject_replays_after_the_fix(ingest, fleet, rows):
    await fleet.send(topic("W1", kind="hydrant"), reading(1))
    await rows.until("select count(*) from reading_hydrant", equals=1)
    numbers = itertools.count(2)

    async def send_until(taken_over: str) -> bytes:
        """Send one reading after the other until the notification has arrived; return the last one."""
        while True:
            number = next(numbers)
            sent = orjson.dumps(reading(number, pressure_mpa=0.4))
            await fleet.send(topic("W1", kind="hydrant"), sent)
            await rows.until(
                "select (select count(*) from reading_hydrant) + (select count(*) from reject)", equals=number
            )
            if await rows.one(taken_over, number):
                return sent

    await rows.connection.execute("update device set kind = 'water', kind_fixed = true where code = 'W1'")
    sent = await send_until("select $1 > 0 and exists (select from reject where reason = 'kind_mismatch')")
    await fleet.send(topic("W1", "up/event", kind="hydrant"), event("e", "tamper"))
    assert await rows.one("select payload from reject") == sent
    await rows.until("select count(*) from event", equals=1)
    await rows.connection.execute("update device set kind = 'hydrant' where code = 'W1'")
    await send_until("select exists (select from reading_hydrant where seq = $1)")
    rejects = await rows.one("select count(*) from reject")
    await rows.connection.execute("update reject set replay_requested_at = now(), replay_requested_by = 'test'")
    await rows.until("select bool_and(replay_result is not distinct from 'stored') from reject")
    assert await rows.one("select count(distinct seq) from reading_hydrant") == next(numbers) - 1
    assert await rows.one("select count(*) from reject") == rejects


async def test_a_replay_adds_the_field_that_was_bad_to_the_stored_reading(ingest, fleet, rows):
    await fleet.send(topic("H1"), reading(1, pressure_mpa=9.5, flow_lps=1))
    await rows.until("select count(*) from reject", equals=1)
    mended = "convert_to(replace(convert_from(payload, 'UTF8'), '9.5', '0.95'), 'UTF8')"
    await rows.connection.execute(f"update reject set payload = {mended}, replay_requested_at = now()")  # noqa: S608
    await rows.until("select replayed_at is not null from reject")
    assert await rows.one("select replay_result like '%fields it lacked%' from reject")
    assert await rows.one("select pressure_mpa from reading_hydrant") == 0.95


async def test_a_month_of_readings_in_one_list_is_refused_and_stored_when_a_person_asks(ingest, fleet, rows):
    start = now_ms() - 20 * 86_400_000
    month = [{"ts": start + number * 60_000, "seq": number, "pressure_mpa": 0.3} for number in range(720)]
    await fleet.send(topic("H1"), month)
    await rows.until("select reason = 'too_many_elements' from reject")
    await rows.connection.execute("update reject set replay_requested_at = now()")
    await rows.until("select replay_result = 'stored' from reject")
    assert await rows.one("select count(*) from reading_hydrant where late") == 720


async def test_a_replay_that_fails_again_says_why_and_makes_no_second_reject(ingest, fleet, rows):
    await fleet.send(topic("H1"), b"rubbish")
    await rows.until("select count(*) from reject", equals=1)
    await rows.connection.execute("update reject set replay_requested_at = now()")
    await rows.until("select replay_result like 'rejected again: not_json%' from reject")
    assert await rows.one("select count(*) from reject") == 1


async def test_a_replay_that_failed_is_done_when_a_person_asks_again_after_the_fix(ingest, fleet, rows):
    await fleet.send(topic("H1"), b"rubbish")
    await rows.until("select count(*) from reject", equals=1)
    ask = "update reject set replay_requested_at = clock_timestamp(), replayed_at = null, replay_result = null"
    for _ in range(2):
        await rows.connection.execute(ask)
        await rows.until("select replay_result like 'rejected again: not_json%' from reject")
    await rows.connection.execute("update reject set payload = $1", orjson.dumps(reading(1, pressure_mpa=0.3)))
    await rows.connection.execute(ask)
    await rows.until("select replay_result = 'stored' from reject")
    assert await rows.one("select pressure_mpa from reading_hydrant") == 0.3
