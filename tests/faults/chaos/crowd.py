"""Publishers under whom the system is broken: ours (store and forward) and foreign ones that trust a PUBACK."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg
import orjson

from services.core import db
from services.core.clock import SystemClock
from services.core.mqtt import SessionConfig
from simulators.device import Link
from tests.faults.chaos.books import Books

AREA = "140931100"


class Crowd:
    """`devices` hydrants on one connection that send `rate` readings a second and `events_per_s` events."""

    def __init__(
        self,
        prefix: str,
        url: str,
        started_s: float,
        *,
        devices: int,
        rate: float,
        events_per_s: float = 0.0,
        resend: bool = True,
        on_event_acked: Callable[[str], None] | None = None,
    ) -> None:
        self.books = Books()
        self.prefix = prefix
        self._bases = [f"fire/v1/{AREA}/hydrant/{prefix}{number:03d}" for number in range(devices)]
        self._seq = [0] * devices
        self._events = 0
        self._rate, self._events_per_s = rate, events_per_s
        self._started_s = started_s
        self._clock = SystemClock()
        self._tell_acked = on_event_acked
        config = SessionConfig.from_url(
            urlsplit(url),
            f"firetower.fleet.{prefix.lower()}",
            filters=tuple(f"{base}/down/ack" for base in self._bases) if events_per_s else (),
            clean_start=True,
            session_expiry_s=0,
            max_outgoing=50_000,
        )
        self.link = Link(
            config,
            self._clock,
            resend_readings=resend,
            on_reading_acked=self._reading_acked,
            on_event_acked=self._event_acked,
        )

    def _now_s(self) -> float:
        return self._clock.monotonic() - self._started_s

    def _reading_acked(self, topic: str, payload: bytes) -> None:
        self.books.acked.setdefault((topic.split("/")[4], orjson.loads(payload)["seq"]), self._now_s())

    def _event_acked(self, _base: str, event_id: str) -> None:
        self.books.events_acked.add(event_id)
        if self._tell_acked is not None:
            self._tell_acked(event_id)

    async def publish(self, stop: asyncio.Event) -> None:
        """Send at the rates until `stop`; what the wire holds up is made good as fast as it goes."""
        await self.link.ready()
        began = self._clock.monotonic()
        turn = events = 0
        while not stop.is_set():
            elapsed = self._clock.monotonic() - began
            while turn < elapsed * self._rate and not stop.is_set():
                await self._send_reading(turn % len(self._bases))
                turn += 1
                if turn % 50 == 0:
                    await asyncio.sleep(0)
            while events < elapsed * self._events_per_s:
                self._send_event(events % len(self._bases))
                events += 1
            await asyncio.sleep(0.01)

    async def _send_reading(self, index: int) -> None:
        self._seq[index] += 1
        body = {
            "ts": round(self._clock.now().timestamp() * 1000),
            "seq": self._seq[index],
            "pressure_mpa": 0.31,
            "flow_lps": 0.0,
            "water_temp_c": 7.4,
            "battery_pct": 88,
        }
        discarded = self.link.counts.discarded
        await self.link.send_reading(f"{self._bases[index]}/up/telemetry", orjson.dumps(body))
        self.books.readings_sent += self.link.counts.discarded == discarded

    def _send_event(self, index: int) -> None:
        self._events += 1
        event_id = f"{self.prefix}e{self._events}"
        now_ms = round(self._clock.now().timestamp() * 1000)
        body = {"event_id": event_id, "ts": now_ms, "seq": self._events, "type": "operation"}
        self.books.events_sent.add(event_id)
        self.link.send_event(self._bases[index], event_id, orjson.dumps(body))

    @property
    def settled(self) -> bool:
        """True when nothing of this crowd is under way any more."""
        return self.link.outgoing == 0 and len(self.link.events) == 0


class AckWatch:
    """Looks every application ack up in the tables at once: the row has to be there before the ack."""

    def __init__(self, fetch: Callable[[list[str]], Awaitable[set[str]]]) -> None:
        self.taken = self.checked = 0
        self.too_early: list[str] = []
        self._fetch = fetch
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def take(self, event_id: str) -> None:
        """Note an ack that arrived now."""
        self.taken += 1
        self._queue.put_nowait(event_id)

    @property
    def idle(self) -> bool:
        """True when every ack was looked up."""
        return self.checked == self.taken

    async def run(self) -> None:
        """Look up until cancelled."""
        while True:
            names = [await self._queue.get()]
            while not self._queue.empty():
                names.append(self._queue.get_nowait())
            stored = await self._fetch(names)
            self.too_early += [name for name in names if name not in stored]
            self.checked += len(names)


class EventRows:
    """Asks a database that is away at times which events it has."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None

    async def fetch(self, names: list[str]) -> set[str]:
        """Return which of them are stored; asks until there is an answer."""
        while True:
            try:
                if self._connection is None:
                    self._connection = await db.connect(self._dsn, program="chaos")
                rows = await self._connection.fetch("select event_id from event where event_id = any($1)", names)
                return {row["event_id"] for row in rows}
            except db.AWAY:
                self._connection = None
                await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            with suppress(OSError, asyncpg.InterfaceError):
                await self._connection.close()
