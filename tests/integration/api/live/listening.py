"""A client of the live stream, and rows that change as the other programs would write them."""

import asyncio
import json
import threading
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx2

from tests.integration.api.conftest import AREA
from tests.support.waiting import PATIENCE_S


class Listener:
    """Reads one stream in a thread of its own."""

    def __init__(self, url: str, key: str, last: str | None = None, cookie: httpx2.Client | None = None) -> None:
        self.events: list[tuple[str, Any]] = []
        self.ids: list[str] = []
        self.lines: list[str] = []
        self.opened = threading.Event()
        self.ended = threading.Event()
        self.headers = {} if cookie else {"Authorization": f"Bearer {key}"}
        headers = self.headers | ({"Last-Event-ID": last} if last else {})
        cookies = cookie.cookies if cookie else None
        self._client = httpx2.Client(base_url=url, headers=headers, cookies=cookies, timeout=PATIENCE_S)
        threading.Thread(target=self._read, daemon=True).start()
        assert self.opened.wait(PATIENCE_S)

    def _read(self) -> None:
        try:
            with self._client.stream("GET", "/api/v1/stream") as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                assert "gzip" in answer.request.headers["accept-encoding"]
                assert "content-encoding" not in answer.headers  # a line has to be there at once
                event = ""
                for line in answer.iter_lines():
                    self.lines.append(line)
                    name, _, value = line.partition(": ")
                    if name == "event":
                        event = value
                    elif name == "id":
                        self.ids.append(value)
                        self.opened.set()
                    elif name == "data":
                        self.events.append((event, json.loads(value)))
        except httpx2.TransportError:
            pass
        finally:
            self.ended.set()

    def named(self, name: str) -> list[Any]:
        return [data for event, data in list(self.events) if event == name]

    def close(self) -> None:
        self._client.close()


async def store_batch(connection: asyncpg.Connection, number: int, device_id: int, pressure: float) -> None:
    now = datetime.now(UTC)
    async with connection.transaction():
        await connection.execute(
            """insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, pressure_mpa)
               values ($1, $2, $3, $2, $3, $4)""",
            device_id,
            now,
            number,
            pressure,
        )
        await connection.execute(
            """insert into device_state (device_id, state, ts, last_seen) values ($1, $2, $3, $3)
               on conflict (device_id) do update set
                   state = excluded.state, ts = excluded.ts, last_seen = excluded.last_seen""",
            device_id,
            {"pressure_mpa": pressure},
            now,
        )
        await connection.execute(
            """insert into ingest_lane (writer, lane, owner) values ('all/telemetry', 'telemetry', gen_random_uuid())
               on conflict do nothing"""
        )
        await connection.execute(
            """insert into ingest_batch (id, writer, number, owner, lane, min_ts, max_ts, hydrant)
               overriding system value values ($1, 'all/telemetry', $1, gen_random_uuid(), 'telemetry', $2, $2, 1)""",
            number,
            now,
        )
        await connection.execute("select pg_notify('firetower_batch', '')")


async def store_device(connection: asyncpg.Connection, code: str, area: str = AREA) -> int:
    statement = "insert into device (code, kind, area, registered) values ($1, 'hydrant', $2, true) returning id"
    return await connection.fetchval(statement, code, area)


async def store_alarm(connection: asyncpg.Connection, device_id: int, area: str = AREA) -> None:
    await connection.execute(
        """insert into alarm (subject, code, category, severity, state, device_id, area, reason, reason_en, opened_at)
           values ($1, 'tamper', 'device', 'minor', 'unacknowledged', $2, $3, '防拆', 'tamper', now())""",
        f"device:{device_id}",
        device_id,
        area,
    )
    await connection.execute("select pg_notify('firetower_alarm', '')")


async def keep_sending(connection: asyncpg.Connection, device_id: int, listener: Listener, start: int = 1) -> int:
    """Send batches until the stream tells of one; returns the number of the next."""
    for number in range(start, start + int(PATIENCE_S / 0.25)):
        await store_batch(connection, number, device_id, 0.1 + number / 1000)
        await asyncio.sleep(0.25)
        if listener.named("device"):
            return number + 1
    raise AssertionError("no device event came")
