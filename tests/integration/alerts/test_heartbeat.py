"""The call to a watch outside our own box: every minute while all is well, and silence otherwise."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from services.alerts import duty, heartbeat
from services.core import db
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.hand_clock import HandClock
from tests.support.servers import Program
from tests.support.tcp import TcpServer
from tests.support.waiting import eventually


class Watch:
    """Counts what calls it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.calls.append(head.decode().splitlines()[0])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    watch = Watch()
    async with TcpServer(watch.answer) as server:
        watch.url = f"http://127.0.0.1:{server.port}/beat"
        yield watch


FIRE_WAITS = """
    with a as (insert into alarm (subject, code, component, category, severity, state, verification, reason,
            reason_en, opened_at, updated_at)
        values ('device:0', 'fire', '', 'fire', 'critical', 'unacknowledged', 'pending', '', '', now(), now())
        returning id)
    insert into notice (id, alarm_id, number, channel, type, fire, body, due_at, created_at)
    select gen_random_uuid(), id, 1, 'desk', 'fire.confirmed', true, '{}', now() + interval '1 h',
        now() + interval '%s' from a
    """
TROUBLES = {
    "ingest never began": "delete from ingest_lane",
    "ingest stalls": "update ingest_lane set watermark = now() - interval '31 s' where lane = 'event'",
    "a fire waits": FIRE_WAITS % "-61 s",
    "a fire waits since a time that has not come": FIRE_WAITS % "1 h",
    "one of our own alarms is critical": """
        insert into alarm (subject, code, component, category, severity, state, verification, reason, reason_en,
            opened_at, updated_at)
        values ('system', 'queue_dropped', '', 'system', 'critical', 'acknowledged', 'none', '', '', now(), now())
        """,
}


async def test_the_beat_stops_with_each_trouble(county: County) -> None:
    await county.set_watermark(datetime.now(UTC) + timedelta(minutes=10))
    well: dict[str, bool] = {}
    for name, trouble in {"nothing": "select 1", **TROUBLES}.items():
        attempt = county.conn.transaction()
        await attempt.start()
        await county.conn.execute(trouble)
        well[name] = await county.conn.fetchval(heartbeat.ALL_IS_WELL)
        await attempt.rollback()
    assert well == {"nothing": True, **dict.fromkeys(TROUBLES, False)}


async def test_a_minute_passes_between_beats_and_five_seconds_between_looks(
    county: County, database: str, watch: Watch
) -> None:
    await county.set_watermark(datetime.now(UTC) + timedelta(minutes=10))
    clock, pool = HandClock(), await db.create_pool(database, program="test", size=1)
    beat = partial(heartbeat.beat, pool, watch.url)
    beating = asyncio.create_task(duty.keep("heartbeat", beat, pool, clock))
    await eventually(lambda: len(watch.calls) >= 3, what="three beats")
    await county.conn.execute(TROUBLES["ingest stalls"])
    await eventually(lambda: clock.slept[-2:] == [5.0, 5.0], what="looks without a beat")
    beats = len(watch.calls)
    await eventually(lambda: clock.slept[-6:] == [5.0] * 6, what="more of them")
    assert len(watch.calls) == beats
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    await pool.close()
    assert set(clock.slept[:3]) == {60.0}
    assert watch.calls[0] == "GET /beat HTTP/1.1"


async def test_a_running_worker_beats_once_it_is_well(
    county: County, desk: DeskControl, alerts: Callable[..., Program], watch: Watch
) -> None:
    await county.set_watermark(datetime.now(UTC) - timedelta(minutes=1))
    worker = alerts(HEARTBEAT_URL=watch.url)
    await eventually(lambda: "heartbeat_withheld" in worker.log_text(), what="a look at what is wrong")
    assert watch.calls == []
    await county.set_watermark(datetime.now(UTC) + timedelta(minutes=10))
    await eventually(lambda: watch.calls, what="the first beat")


async def test_a_watch_that_cannot_be_reached_does_not_end_the_worker(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_watermark(datetime.now(UTC) + timedelta(minutes=10))
    worker = alerts(HEARTBEAT_URL="http://127.0.0.1:9/")
    await eventually(lambda: "heartbeat_failed" in worker.log_text(), what="the failed call")
    await county.add_device("panel-1")
    await county.send_events([{"device": "panel-1", "type": "fault"}])
    await eventually(county.alarms, what="the worker at work")
