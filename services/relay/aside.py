"""Rows that the county's broker cannot take in any form: set aside and shown, so that the log goes on behind them.

Called by uplink. Promises that such a row is listed before it counts as carried, and goes up when a person, who has
raised the broker's limit, asks for it.
"""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

from services.core.aside import Asides, Unit
from services.core.clock import Clock
from services.relay.carrier import Sending
from services.relay.database import Database
from services.relay.lanes import Lane
from services.relay.packing import Row

KIND = "row"
LOOK_EVERY_S = 2.0


class TooLargeError(Exception):
    """The broker's largest packet is smaller than a row's name and time."""


class Aside:
    """What was set aside. `carried` is told of each row, `again` takes those that are asked for."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._asides = Asides("relay", clock)
        self._waiting: asyncio.Queue[tuple[Sending, int]] = asyncio.Queue()
        self._retried: dict[Hashable, str] = {}
        self._over: list[str] = []
        self.carried: Callable[[Hashable], None] = lambda _key: None
        self.again: Callable[[Lane, Row], None] = lambda _lane, _row: None

    def take(self, sending: Sending, most_bytes: int) -> None:
        """Set a message of one row aside; it is under way until that is written."""
        self._waiting.put_nowait((sending, most_bytes))

    def note_carried(self, key: Hashable) -> None:
        """The county has a row: it may be one that was set aside."""
        if (name := self._retried.pop(key, None)) is not None:
            self._over.append(name)

    async def run(self) -> None:
        """Write down what is taken, and look for what a person wants sent again, without end."""
        while True:
            while not self._waiting.empty():
                await self._set_aside(*self._waiting.get_nowait())
            async with self._database.writing() as conn:
                while self._over:
                    await self._asides.over(conn, KIND, self._over.pop())
                asked = await self._asides.refresh(conn)
            for one in asked:
                self._send_again(one["name"], one["detail"])
            await self._clock.sleep(LOOK_EVERY_S)

    async def _set_aside(self, sending: Sending, most_bytes: int) -> None:
        (row,) = sending.message.rows
        self._retried.pop(row.key, None)
        _root, _version, area, _kind, device, *_ = row.topic.split("/")
        key = list(row.key)  # type: ignore[call-overload]
        detail = {
            "device": device, "lane": int(sending.lane), "topic": row.topic, "key": key,
            "element": row.element.decode(), "received_us": row.received_us,
            "ts_us": row.ts_us, "arrived_us": row.arrived_us,
        }  # fmt: skip
        name = f"{device} {' '.join(str(part) for part in key if part != device)}"
        cure = f"raise max_packet_size of the county's broker, of which {most_bytes} bytes are left, then try it again"
        error = TooLargeError(f"{len(row.element)} bytes, and even its name and time are too many: {cure}")
        async with self._database.writing() as conn:
            unit = Unit(KIND, name, area, sending.lane is Lane.FIRES, detail)
            await self._asides.add(conn, unit, error)
        self.carried(row.key)

    def _send_again(self, name: str, detail: dict[str, Any]) -> None:
        key = tuple(detail["key"])
        if key in self._retried:
            return
        self._retried[key] = name
        times = (detail["received_us"], detail.get("ts_us"), detail.get("arrived_us"))
        row = Row(0, detail["topic"], key, detail["element"].encode(), *times)
        self.again(Lane(detail["lane"]), row)
