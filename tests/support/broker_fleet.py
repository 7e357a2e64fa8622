"""A handful of devices for tests, over one MQTT connection, and a look into the database.

`Fleet` publishes for any device and collects what comes down; `Rows` asks the database and waits for an answer.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson

from services.core.db import set_codecs
from services.core.mqtt import Delivery, Session, SessionConfig
from tests.support.waiting import PATIENCE_S

AREA = "140931100"


def topic(device: str, channel: str = "up/telemetry", kind: str = "hydrant", area: str = AREA) -> str:
    return f"fire/v1/{area}/{kind}/{device}/{channel}"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def reading(seq: int, ts: Any = None, **fields: Any) -> dict[str, Any]:
    return {"ts": now_ms() if ts is None else ts, "seq": seq, **(fields or {"pressure_mpa": 0.3})}


def event(event_id: str, kind: str = "fire", **parts: Any) -> dict[str, Any]:
    return {"event_id": event_id, "ts": now_ms(), "seq": 1, "type": kind, **parts}


class Fleet:
    """Publishes for every device; what comes down is in `down`."""

    def __init__(self, session: Session, down: deque[Delivery]) -> None:
        self.session = session
        self.down = down

    async def send(self, to: str, body: Any, *, retain: bool = False) -> None:
        """Publish and wait for the PUBACK."""
        payload = body if isinstance(body, bytes) else orjson.dumps(body)
        await self.session.publish(to, payload, retain=retain)

    async def send_all(self, messages: list[tuple[str, bytes]]) -> None:
        """Publish many, in order, and wait for every PUBACK."""
        futures = []
        for to, payload in messages:
            await self.session.room()
            futures.append(self.session.submit(to, payload))
        await asyncio.gather(*futures)

    def acked_ids(self, device: str) -> list[str]:
        return [
            name
            for delivery in self.down
            if delivery.topic.endswith(f"/{device}/down/ack")
            for name in orjson.loads(delivery.payload)["event_ids"]
        ]


@asynccontextmanager
async def fleet_of(url: str, client_id: str = "test.fleet") -> AsyncIterator[Fleet]:
    down: deque[Delivery] = deque()
    session: Session

    def keep(delivery: Delivery) -> None:
        down.append(delivery)
        session.ack([delivery])

    config = SessionConfig.from_url(urlsplit(url), client_id, filters=("fire/v1/+/+/+/down/#",))
    session = Session(config, on_delivery=keep)
    running = asyncio.create_task(session.run(), name="fleet")
    try:
        await asyncio.wait_for(session.ready(), PATIENCE_S)
        yield Fleet(session, down)
    finally:
        await session.stop()
        await running


class Rows:
    """Reads the database of a test."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def one(self, sql: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(sql, *arguments)

    async def all(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        return await self.connection.fetch(sql, *arguments)

    async def until(self, sql: str, *arguments: Any, timeout_s: float = PATIENCE_S, equals: Any = True) -> None:
        """Wait until the query's first value is `equals`."""
        deadline = time.monotonic() + timeout_s
        while (value := await self.one(sql, *arguments)) != equals:
            assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {sql} is {value!r}, wanted {equals!r}"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def rows_of(dsn: str) -> AsyncIterator[Rows]:
    connection = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})
    await set_codecs(connection)
    try:
        yield Rows(connection)
    finally:
        await connection.close()


def drop(session: Session) -> None:
    """End a connection as a device without power does: no goodbye, and it does not come back."""
    session._stopped.set()  # noqa: SLF001 - only a test ends this way
    session._lost.set()  # noqa: SLF001
    session._client.hang_up()  # noqa: SLF001


async def wait_for(condition: Any, *, what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until `condition()` holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(0.02)
