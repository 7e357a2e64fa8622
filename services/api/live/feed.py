"""Reads what changed and tells the hub: alarms and notices, fires first, and devices by the log of ingest.

One task group in main. A NOTIFY is a hint, the poll is the guarantee; after an outage it continues where it was.
Promises: what was committed is told, or everybody is told to fetch anew; one thing that cannot be told is set aside.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from services.api.live.backlog import Backlog
from services.api.live.cursors import (
    MOST_CHANGED,
    QUERIES,
    Cursor,
    Look,
    Told,
    look_at_alarms,
    look_at_devices,
    look_at_notices,
    read_alarms_told,
    read_devices_told,
    read_notices_told,
)
from services.api.live.hub import Hub, Part
from services.api.live.moves import Moves
from services.api.request.answers import encode
from services.api.request.database import Database
from services.core import db
from services.core.aside import Unit, by_halves, write_aside
from services.core.clock import Clock, wait_at_most
from services.core.log import logger
from services.core.text import describe_error

log = logger(__name__)
DEVICES_EVERY_S = 0.25  # contract 5: at most 4 Hz
ALARMS_EVERY_S = 0.05
MOVES_EVERY_S = 5.0  # two devices of one code move it with each message, and all that is open is fetched anew
POLL_S = 1.0
_FRAME_ITEMS = 1000
_ROUND_ALARMS = 250  # read and told together: a fire waits for one round at most
_RETRY_S = 1.0
_CHANNELS = ("firetower_batch", "firetower_alarm", "firetower_notice")


class Feed:
    """One kind of change: how far was looked, what still waits to be told, and how it is told."""

    def __init__(
        self,
        hub: Hub,
        look: Callable[[Cursor | None], Awaitable[Look]],
        tell: Callable[[Sequence[Any]], Awaitable[None]],
        *,
        at_once: int,
    ) -> None:
        self.backlog: Backlog[Any] = Backlog(MOST_CHANGED)
        self._hub, self._look, self._tell, self._at_once = hub, look, tell, at_once
        self._cursor: Cursor | None = None

    async def turn(self) -> bool:
        """Look once and tell one round; return whether more waits.

        While nobody listens the cursor follows along, so that it lies before whatever the next listener fetches; who
        joins while it is being moved is told to fetch anew.
        """
        alone = not self._hub.listened_to
        look = await self._look(None if alone else self._cursor)
        self._cursor = look.cursor
        if look.lost or not (self.backlog.add(look.rest) and self.backlog.add(look.first, first=True)):
            self.backlog.clear()
            self._hub.resync()
            return False
        told = self.backlog.take(self._at_once)
        if told:
            try:
                await self._tell(told)
            except db.AWAY:
                self.backlog.put_back(told)
                raise
        return len(self.backlog) > 0


class Changes:
    """The three feeds of the stream."""

    def __init__(self, database: Database, hub: Hub, clock: Clock) -> None:
        self._database, self._hub, self._clock = database, hub, clock
        self._moved_devices, self._moved_alarms = Moves(), Moves()
        self._left: dict[str | None, None] = {}  # areas that something has left, and nobody there was told yet
        self._something_left = asyncio.Event()
        self._hints = {channel: asyncio.Event() for channel in _CHANNELS}
        self.devices = Feed(hub, self._look_at_devices, self._tell_devices, at_once=_FRAME_ITEMS)
        self.alarms = Feed(hub, partial(look_at_alarms, database), self._tell_alarms, at_once=_ROUND_ALARMS)
        self.notices = Feed(hub, partial(look_at_notices, database), self._tell_notices, at_once=_ROUND_ALARMS)

    async def run(self) -> None:
        """Read and tell until cancelled."""
        batch, alarm, notice = (self._hints[channel] for channel in _CHANNELS)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="listen")
            group.create_task(self._follow(self.devices, batch, DEVICES_EVERY_S), name="device changes")
            group.create_task(self._follow(self.alarms, alarm, ALARMS_EVERY_S), name="alarm changes")
            group.create_task(self._follow(self.notices, notice, ALARMS_EVERY_S), name="notice changes")
            group.create_task(self._tell_moves(), name="moves")
            group.create_task(self._know_places(), name="places")

    async def _follow(self, feed: Feed, hint: asyncio.Event, every_s: float) -> None:
        while True:
            hint.clear()
            try:
                more = await feed.turn()
            except db.AWAY as error:
                db.pass_on_cancel()
                log.warning("changes_unread", error=describe_error(error))
                await self._clock.sleep(_RETRY_S)
                continue
            await self._clock.sleep(every_s)
            if not more:
                await wait_at_most(hint if self._hub.listened_to else self._hub.joined, POLL_S)

    async def _listen(self) -> None:
        """Turn NOTIFY into hints, on a connection of its own, which is renewed when it is lost."""
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
                log.debug("listening_lost", error=describe_error(error))
                await self._clock.sleep(_RETRY_S)

    async def _look_at_devices(self, since: Cursor | None) -> Look:
        return await look_at_devices(self._database, since, self._clock.now())

    async def _tell_devices(self, ids: Sequence[int]) -> None:
        parts: list[Part] = []
        left: list[str | None] = []

        async def read(some: Sequence[int]) -> None:
            found = await read_devices_told(self._database, some, self._clock.now())
            parts.extend([Part(one.area, encode(one.document)) for one in found])
            left.extend(self._moved_devices.left(found))

        await by_halves(ids, read, partial(self._set_aside, "device"))
        if parts:
            self._hub.publish("device", parts, listed=True)
        self._fetch_anew(left)

    async def _tell_alarms(self, ids: Sequence[int]) -> None:
        devices: set[int] = set()

        async def tell(some: Sequence[int]) -> None:
            found = await read_alarms_told(self._database, some)
            self._publish("alarm", found)
            self._fetch_anew(self._moved_alarms.left(found))
            devices.update(one.device_id for one in found if one.device_id is not None)

        await by_halves(ids, tell, partial(self._set_aside, "alarm"))
        if devices:
            if not self.devices.backlog.add(devices):
                self._hub.resync()
            self._hints["firetower_batch"].set()

    async def _tell_notices(self, ids: Sequence[Any]) -> None:
        async def tell(some: Sequence[Any]) -> None:
            self._publish("notice", await read_notices_told(self._database, some))

        await by_halves(ids, tell, partial(self._set_aside, "notice"))

    def _publish(self, event: str, found: Sequence[Told]) -> None:
        parts = [Part(one.area, encode(one.document)) for one in found]  # all of them, before the first goes out
        for part in parts:
            self._hub.publish(event, [part])

    def _fetch_anew(self, areas: Sequence[str | None]) -> None:
        """Have everybody who sees one of these areas fetch anew: something has left it."""
        if areas:
            self._left |= dict.fromkeys(areas)
            self._something_left.set()

    async def _tell_moves(self) -> None:
        while True:
            await self._something_left.wait()
            self._something_left.clear()
            left, self._left = self._left, {}
            for area in left:
                self._hub.publish("resync", [Part(area, b"{}")])
            await self._clock.sleep(MOVES_EVERY_S)

    async def _know_places(self) -> None:
        """Learn where everything is that may be moved before it says a word."""
        while True:
            try:
                for moves, places in ((self._moved_alarms, "open_alarms"), (self._moved_devices, "devices")):
                    rows = await self._database.rows(QUERIES[places], most=moves.most)
                    moves.know((row["name"], row["area"]) for row in rows)
            except db.AWAY as error:
                db.pass_on_cancel()
                log.debug("whereabouts_unread", error=describe_error(error))
                await self._clock.sleep(_RETRY_S)
            else:
                return

    async def _set_aside(self, kind: str, name: Any, error: Exception) -> None:
        """Set aside one thing that cannot be sent: people see it, everybody fetches anew, nothing is held up."""
        async with self._database.writing() as connection:
            await write_aside(connection, "api", Unit(kind, f"{kind}:{name}"), error, self._clock.now())
        self._hub.resync()


def _setter(hint: asyncio.Event) -> Callable[..., None]:
    def heard(*_: object) -> None:
        hint.set()

    return heard
