"""Reads what changed and tells the hub: devices by the log of ingest, alarms and notices by time and by hint.

One task group in main. A NOTIFY is a hint, the poll is the guarantee; with the database away it goes on where it stood.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.api.answers import encode
from services.api.changes_read import Cursor, changed_alarms, changed_devices, changed_notices, read_briefs
from services.api.database import Database
from services.api.hub import Hub, Part
from services.core import db
from services.core.clock import Clock, wait_at_most
from services.core.log import logger

log = logger(__name__)
DEVICES_EVERY_S = 0.25  # contract 5: at most 4 Hz
ALARMS_EVERY_S = 0.05
POLL_S = 1.0
_FRAME_ITEMS = 1000
_TELLING = ("last_seen", "status", "alarm", "version")
_RETRY_S = 1.0
_CHANNELS = ("firetower_batch", "firetower_alarm", "firetower_notice")
_REMEMBER = timedelta(seconds=60)


class Changes:
    """Keeps the cursors and what was sent last, so that an overlapping poll repeats nothing."""

    def __init__(self, database: Database, hub: Hub, clock: Clock) -> None:
        self._database, self._hub, self._clock = database, hub, clock
        self._hints = {channel: asyncio.Event() for channel in _CHANNELS}
        self._pending: dict[int, None] = {}  # devices that changed and were not told yet, longest waiting first
        self._sent: dict[tuple[str, Any], tuple[Any, datetime]] = {}

    async def run(self) -> None:
        """Read and tell until cancelled."""
        batch, alarm, notice = (self._hints[channel] for channel in _CHANNELS)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="listen")
            group.create_task(self._repeat(batch, self._tell_devices, DEVICES_EVERY_S), name="device changes")
            group.create_task(self._repeat(alarm, self._tell_alarms, ALARMS_EVERY_S), name="alarm changes")
            group.create_task(self._repeat(notice, self._tell_notices, ALARMS_EVERY_S), name="notice changes")

    async def _repeat(self, hint: asyncio.Event, tell: Callable[[Cursor], Awaitable[None]], every_s: float) -> None:
        cursor = Cursor()
        while True:
            if not self._hub.listened_to:
                self._hub.joined.clear()
                await self._hub.joined.wait()
                cursor = Cursor()
            try:
                await tell(cursor)
            except db.AWAY as error:
                db.pass_on_cancel()
                log.warning("changes_unread", error=repr(error))
                await self._clock.sleep(_RETRY_S)
                continue
            await self._clock.sleep(every_s)
            await wait_at_most(hint, POLL_S)
            hint.clear()

    async def _listen(self) -> None:
        """Turn NOTIFY into hints, on a connection of its own that is looked after."""
        while True:
            try:
                connection = await db.connect(self._database.dsn, program="api.listen", statement_timeout_s=5)
                try:
                    for channel, hint in self._hints.items():
                        await connection.add_listener(channel, _setter(hint))
                    for hint in self._hints.values():
                        hint.set()
                    while True:
                        await self._clock.sleep(5)
                        await connection.execute("select 1")
                finally:
                    connection.terminate()
            except db.AWAY as error:
                db.pass_on_cancel()
                log.debug("not_listening", error=repr(error))
                await self._clock.sleep(_RETRY_S)

    async def _tell_devices(self, cursor: Cursor) -> None:
        ids, lost = await changed_devices(self._database, cursor)
        if lost:
            self._pending.clear()
            self._hub.resync()
            return
        self._pending |= dict.fromkeys(sorted(ids))
        told = list(itertools.islice(self._pending, _FRAME_ITEMS))
        if not told:
            return
        for number in told:
            del self._pending[number]
        try:
            found = await read_briefs(self._database, told, self._clock.now())
        except db.AWAY:
            self._pending = dict.fromkeys(told) | self._pending
            raise
        parts = [
            Part(item["area"], encode(item))
            for item in found
            if self._is_news("device", item["id"], tuple(item[name] for name in _TELLING))
        ]
        if parts:
            self._hub.publish("device", parts, listed=True)
        if self._pending:  # one frame each time: the rest, by then newer, goes with the next
            self._hints["firetower_batch"].set()

    async def _tell_alarms(self, cursor: Cursor) -> None:
        found = await changed_alarms(self._database, cursor)
        self._tell_each("alarm", found, lambda alarm: alarm["area"])
        devices = {alarm["device_id"] for alarm in found if alarm["device_id"] is not None}
        if devices:
            self._pending |= dict.fromkeys(devices)
            self._hints["firetower_batch"].set()

    async def _tell_notices(self, cursor: Cursor) -> None:
        found = await changed_notices(self._database, cursor)
        self._tell_each("notice", found, lambda notice: notice["area"])

    def _tell_each(
        self, event: str, found: Sequence[dict[str, Any]], area_of: Callable[[dict[str, Any]], str | None]
    ) -> None:
        for one in found:
            body = encode(one["document"])
            if self._is_news(event, one["id"], body):
                self._hub.publish(event, [Part(area_of(one), body)])

    def _is_news(self, kind: str, name: Any, content: Any) -> bool:
        """Whether this was not sent before; remembers it for a minute."""
        now = self._clock.now()
        before = self._sent.get((kind, name))
        self._sent[kind, name] = (content, now)
        if len(self._sent) > 50_000:
            self._sent = {key: value for key, value in self._sent.items() if value[1] > now - _REMEMBER}
        return before is None or before[0] != content


def _setter(hint: asyncio.Event) -> Callable[..., None]:
    def heard(*_: object) -> None:
        hint.set()

    return heard
