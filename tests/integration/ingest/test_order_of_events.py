"""In which order alerts reads the events of one batch."""

import orjson

from services.alerts.events import FIRE_TYPES, ONE_COUNT
from services.alerts.events import SQL as ALERTS
from services.core.clock import SystemClock
from services.core.moment import from_us, to_us
from services.ingest.decode import decode
from services.ingest.store import NOTHING

TOPIC = "fire/v1/140931100/panel/P1/up/event"


async def read_as_alerts_does(connection, stores, *bodies):
    """Write messages that came a microsecond apart as one batch; return what alerts reads: descriptions in order."""
    now_us = to_us(SystemClock().now())
    messages = [decode(TOPIC, orjson.dumps(body), now_us + n) for n, body in enumerate(bodies)]
    written = await stores["event"].write(connection, messages, NOTHING)
    span = from_us(now_us - 60_000_000), from_us(now_us + 60_000_000)
    rows = await connection.fetch(ALERTS["events"], [written.batch_id], *span, FIRE_TYPES[:2], False, ONE_COUNT)
    return [row["description"] for row in rows]


def faults(**parts):
    """A list in which twenty components fail and are fine again, told in order by their descriptions."""
    return [
        {"type": "fault", "component": f"c{n // 2}", "active": n % 2 == 0, "description": f"{n:02}", **parts}
        for n in range(40)
    ]


IN_ORDER = [f"{n:02}" for n in range(40)]


async def test_events_of_a_list_without_times_are_read_in_the_order_of_the_list(connection, stores):
    assert await read_as_alerts_does(connection, stores, faults()) == IN_ORDER


async def test_events_of_a_list_at_one_time_are_read_in_the_order_of_the_list(connection, stores):
    at_ms = to_us(SystemClock().now()) // 1000
    assert await read_as_alerts_does(connection, stores, faults(ts=at_ms)) == IN_ORDER


async def test_events_of_a_list_are_read_by_their_time_before_their_place(connection, stores):
    at_ms = to_us(SystemClock().now()) // 1000
    body = [one | {"ts": at_ms - n} for n, one in enumerate(faults())]
    assert await read_as_alerts_does(connection, stores, body) == IN_ORDER[::-1]


async def test_messages_of_one_batch_are_read_as_they_came_whatever_their_times(connection, stores):
    at_ms = to_us(SystemClock().now()) // 1000
    bodies = [one | {"ts": at_ms - n} for n, one in enumerate(faults())]
    assert await read_as_alerts_does(connection, stores, *bodies) == IN_ORDER
