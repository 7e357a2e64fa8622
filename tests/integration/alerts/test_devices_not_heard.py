"""Devices that talk and were not heard: over broker, ingest, database and alerts, as devices send."""

import itertools
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.support.broker_fleet import Fleet, Rows, fleet_of, now_ms, reading, rows_of, topic
from tests.support.servers import Broker, Program
from tests.support.waiting import eventually

OPEN = "select count(*) from alarm a join device d on d.id = a.device_id where d.code = $1 and a.code = $2 and {}"
STANDS = OPEN.format("a.cleared_at is null")
ENDED = OPEN.format("a.cleared_at is not null")
ALARM = "select a.* from alarm a join device d on d.id = a.device_id where d.code = $1 and a.code = $2"
STATE = "select s.* from device_state s join device d on d.id = s.device_id where d.code = $1"


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Rows]:
    async with rows_of(database) as one:
        yield one


@pytest.fixture
async def fleet(program: Callable[..., Program], database: str, broker: Broker, rows: Rows) -> AsyncIterator[Fleet]:
    """Devices whose messages ingest and alerts read, and whose age ingest can judge."""
    started = [program(name, DATABASE_URL=database, MQTT_URL=broker.url) for name in ("ingest", "alerts")]
    for one in started:
        one.wait_ready()
    await rows.until("select count(*) from ingest_lane where watermark is not null", equals=2)
    async with fleet_of(broker.fleet_url) as devices:
        yield devices
    for one in started:
        sys.stdout.write(one.log_text())


async def stored(rows: Rows, number: int) -> None:
    await rows.until("select count(*) from reading_hydrant", equals=number)


async def test_a_dead_hydrant_whose_clock_is_behind_is_told_to_the_desk(fleet: Fleet, rows: Rows) -> None:
    lags_min = {"H12": 12, "H20": 20, "H55": 55}
    for seq, pressure in enumerate([0.30, 0.30, 0.30, 0.02]):
        for code, lag_min in lags_min.items():
            await fleet.send(topic(code), reading(seq, now_ms() - lag_min * 60_000, pressure_mpa=pressure))
        await stored(rows, 3 * (seq + 1))
    for code, lag_min in lags_min.items():
        await rows.until(STANDS, code, "hydrant_pressure_low", equals=1)
        (wrong,) = await rows.all(ALARM, code, "clock_wrong")
        assert (wrong["severity"], wrong["value"]) == ("minor", pytest.approx(lag_min, abs=0.2))
        state = (await rows.all(STATE, code))[0]
        assert state["clock_behind_s"] == pytest.approx(60 * lag_min, abs=10)
    marks = await rows.all("select late, clock_behind from reading_hydrant order by seq")
    assert [tuple(mark) for mark in marks] == [(True, False)] * 6 + [(False, True)] * 6
    assert await rows.one("select coalesce(sum(late), 0) from device_quality") == 6

    for seq in (4, 5):  # somebody sets the clock of one
        await fleet.send(topic("H20"), reading(seq, pressure_mpa=0.3))
    await rows.until(ENDED, "H20", "clock_wrong", equals=1)
    await rows.until(ENDED, "H20", "hydrant_pressure_low", equals=1)
    assert (await rows.all(STATE, "H20"))[0]["clock_behind_s"] is None


async def test_what_is_known_of_a_clock_survives_ingest(
    fleet: Fleet, rows: Rows, program: Callable[..., Program], database: str, broker: Broker
) -> None:
    for seq in range(3):
        await fleet.send(topic("H1"), reading(seq, now_ms() - 1_200_000))
    await rows.until("select clock_behind_s > 1190 from device_state")
    another = program("ingest", DATABASE_URL=database, MQTT_URL=broker.url)
    await rows.connection.execute(
        "update lease set expires_at = now(), owner = gen_random_uuid() where name like 'ingest%'"
    )
    another.wait_ready()
    began = await rows.one("select clock_timestamp()")  # its own probe tells that messages do not wait with us
    await rows.until("select min(watermark) > $1 from ingest_lane", began)
    await fleet.send(topic("H1"), reading(3, now_ms() - 1_200_000, pressure_mpa=0.02))
    await rows.until("select clock_behind from reading_hydrant where seq = 3")


async def test_a_back_fill_one_reading_at_a_time_raises_nothing(fleet: Fleet, rows: Rows) -> None:
    for seq in range(40):
        await fleet.send(topic("H1"), reading(seq, now_ms() - (60 - seq) * 60_000, pressure_mpa=0.02))
    await fleet.send(topic("H1"), reading(41))
    await stored(rows, 41)
    await rows.until(
        "select number = (select max(number) from ingest_batch where writer = f.writer) from feed_cursor f"
        " where writer = 'all/telemetry'"
    )
    assert await rows.all("select code from alarm") == []
    assert await rows.one("select bool_or(clock_behind) from reading_hydrant") is False


def in_seconds(seq: int) -> dict[str, Any]:
    return {"ts": now_ms() // 1000, "seq": seq, "pressure_mpa": 0.3}


async def test_a_device_of_which_nothing_usable_comes_is_told_and_not_online(fleet: Fleet, rows: Rows) -> None:
    seq = itertools.count()
    await fleet.send(topic("H1"), reading(next(seq)))
    await fleet.send(topic("P1", kind="panel"), reading(0, mains_ok=True))
    await rows.until("select count(*) from reading_panel", equals=1)
    for n in range(5):
        await fleet.send(topic("H1"), in_seconds(next(seq)))
        await fleet.send(topic("P1", ("up/telemetry", "up/event")[n % 2], kind="panel"), b"garbage")
        await fleet.send(topic("H2"), [in_seconds(n), reading(n, pressure_mpa=0.3)])  # half of it is good
    await rows.until(STANDS, "H1", "device_unreadable", equals=1)
    await rows.until(STANDS, "P1", "device_unreadable", equals=1)
    (hydrant,), (panel,) = [await rows.all(ALARM, code, "device_unreadable") for code in ("H1", "P1")]
    assert (hydrant["severity"], panel["severity"]) == ("minor", "major")
    assert hydrant["reason"] == "设备有消息但全部被拒收（5 条）：时间戳是秒，应为毫秒（ts_in_seconds）"
    assert "ts is in seconds, not milliseconds (ts_in_seconds)" in hydrant["reason_en"]
    assert "not JSON (not_json)" in panel["reason_en"]
    online = {
        row["code"]: row["is_online"]
        for row in await rows.all("select * from device d join device_state s on s.device_id = d.id")
    }
    assert online == {"H1": False, "P1": False, "H2": True}
    assert await rows.one("select count(*) from alarm where code = 'device_offline'") == 0

    await fleet.send(topic("H1", "up/status"), {"online": True, "ts": now_ms()})  # says nothing of what it measures
    await fleet.send(topic("H1"), in_seconds(next(seq)))
    await rows.until(
        "select refused from device_state s join device d on d.id = s.device_id where d.code = 'H1'", equals=6
    )
    assert await rows.one(STANDS, "H1", "device_unreadable") == 1
    await fleet.send(topic("H1"), reading(next(seq)))
    await rows.until(ENDED, "H1", "device_unreadable", equals=1)
    state = (await rows.all(STATE, "H1"))[0]
    assert (state["is_online"], state["refused"], state["refused_reason"]) == (True, 0, None)
    assert await rows.one(STANDS, "P1", "device_unreadable") == 1
    await fleet.send(topic("P1", "up/event", kind="panel"), {"event_id": "e1", "ts": now_ms(), "type": "operation"})
    await rows.until(ENDED, "P1", "device_unreadable", equals=1)


async def test_two_refused_messages_of_a_quarter_of_an_hour_are_told(fleet: Fleet, rows: Rows) -> None:
    for n in range(2):
        await fleet.send(topic("H1"), in_seconds(n))
    await rows.until("select refused from device_state", equals=2)
    assert await rows.all("select code from alarm") == []
    await rows.connection.execute("update device_state set refused_since = now() - interval '15 minutes'")
    await eventually(lambda: rows.all(ALARM, "H1", "device_unreadable"), what="device_unreadable")
