"""Where a device is and what topic commands go to: what it says now decides, and nothing from before."""

import time
from datetime import timedelta
from itertools import count

import orjson
import pytest

from services.ingest.decode import decode
from services.ingest.devices import TOPIC_AGAIN_US
from services.ingest.store import Rest
from tests.support.broker_fleet import event, now_ms, reading, topic, wait_for

BEFORE, NOW = "fire/v1/140931100/panel/P1", "fire/v1/140931101/panel/P1"


@pytest.fixture
async def write(connection, stores):
    """Store a message by the lane of its channel."""

    async def write_one(base, channel, at_us, **body):
        message = decode(f"{base}/up/{channel}", orjson.dumps({"ts": at_us // 1000, **body}), at_us)
        await stores[channel].write(connection, [message], Rest())

    return write_one


async def test_a_late_event_on_the_topic_of_before_turns_commands_there_for_a_minute_at_most(connection, write):
    await connection.execute("insert into area (code, name) values ('140931101', 'x') on conflict do nothing")
    await connection.execute(
        "insert into device (code, kind, area, area_fixed, kind_fixed) values ('P1', 'panel', '140931101', true, true)"
    )
    at_us = time.time_ns() // 1000
    await write(NOW, "telemetry", at_us, seq=1, mains_ok=True)
    await write(BEFORE, "event", at_us + 1, type="fault", event_id="kept")
    assert await connection.fetchval("select last_topic from device_state") == BEFORE
    await write(NOW, "telemetry", at_us + TOPIC_AGAIN_US, seq=2, mains_ok=True)
    assert await connection.fetchval("select last_topic from device_state") == NOW


async def test_the_lane_of_readings_is_told_of_another_topic_and_writes_its_own_again(ingest, fleet, rows):
    where = "select last_topic from device_state"
    await rows.connection.execute(  # that no topic moves: a change of the registry would tell the lane too
        "insert into device (code, kind, area, area_fixed, kind_fixed) values ('P1', 'panel', '140931100', true, true)"
    )
    await fleet.send(topic("P1", kind="panel"), reading(1, mains_ok=True))
    await rows.until(where, equals=topic("P1", "", "panel")[:-1])
    other = topic("P1", "up/event", "panel", "140931101")
    await fleet.send(other, event("e", "fault"))
    await wait_for(lambda: fleet.acked_ids("P1") == ["e"], what="the event on another topic")
    await rows.until(where, equals="fire/v1/140931101/panel/P1")
    took = "select max(received_at) - min(received_at) from reading_panel"
    for number in count(2):
        await fleet.send(topic("P1", kind="panel"), reading(number, now_ms(), mains_ok=True))
        await rows.until("select count(*) from reading_panel", equals=number)
        is_back = await rows.one(where) == "fire/v1/140931100/panel/P1"
        # after a minute the lane writes its topic again without having been told
        assert await rows.one(took) < timedelta(microseconds=TOPIC_AGAIN_US)
        if is_back:
            break


async def test_a_device_that_no_person_placed_has_its_topic_back_with_its_area(connection, stores, write):
    at_us = time.time_ns() // 1000
    await write(NOW, "telemetry", at_us, seq=1, mains_ok=True)
    await stores["telemetry"].devices.refresh(connection)
    await write(BEFORE, "event", at_us + 1, type="fault", event_id="kept")
    await stores["telemetry"].devices.refresh(connection)
    await write(NOW, "telemetry", at_us + 2, seq=2, mains_ok=True)
    row = await connection.fetchrow("select area, last_topic from device_state join device on id = device_id")
    assert tuple(row) == ("140931101", NOW)


@pytest.mark.parametrize("of_before", ["a replay", "a stored copy"])
async def test_what_is_from_before_makes_a_device_known_and_moves_none_that_is(connection, stores, of_before):
    at_us = time.time_ns() // 1000

    async def store_old(base, seq):
        body = orjson.dumps({"ts": at_us // 1000 - seq, "seq": seq, "mains_ok": True})
        message = decode(f"{base}/up/telemetry", body, at_us, retained=of_before == "a stored copy")
        if of_before == "a replay":
            message.replay_of = await connection.fetchval(
                "insert into reject (batch_id, received_at, topic, payload, reason, detail)"
                " values (0, now(), $1, $2, 'storage_refused', '') returning id",
                message.raw_topic,
                body,
            )
        await stores["telemetry"].write(connection, [message], Rest())

    await store_old(BEFORE, 1)
    assert await connection.fetchval("select area from device") == "140931100"
    live = orjson.dumps({"ts": at_us // 1000, "seq": 3, "mains_ok": True})
    await stores["telemetry"].write(connection, [decode(f"{NOW}/up/telemetry", live, at_us)], Rest())
    stores["telemetry"].devices = type(stores["telemetry"].devices)()  # what is remembered must not matter
    await store_old(BEFORE, 2)
    assert await connection.fetchval("select area from device") == "140931101"
    assert await connection.fetchval("select count(*) from reading_panel") == 3


@pytest.mark.parametrize("set_by_a_person", ["area_fixed", "kind_fixed"])
async def test_a_device_whose_area_or_kind_a_person_set_is_moved_by_no_topic(connection, stores, set_by_a_person):
    await connection.execute(
        f"insert into device (code, kind, area, {set_by_a_person}) values ('P1', 'panel', '140931101', true)"  # noqa: S608
    )
    at_us = time.time_ns() // 1000
    body = orjson.dumps({"ts": at_us // 1000, "seq": 1, "power_kw": 1})
    message = decode("fire/v1/140931100/electrical/P1/up/telemetry", body, at_us)
    written = await stores["telemetry"].write(connection, [message], Rest())
    assert (written.stored, dict(written.rejects)) == (0, {"kind_mismatch": 1})
    assert tuple(await connection.fetchrow("select kind, area from device")) == ("panel", "140931101")
