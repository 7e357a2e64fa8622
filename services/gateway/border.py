"""The border around every unit of work: one that fails is set aside and shown, everything else goes on.

Used by every part of the gateway. Works without a database: what failed waits in memory for one and is listed then,
with its real error; a frame that a person wants tried again is taken as if it had just come.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import asyncpg

from services.core.aside import RETRY_AFTER, SQL, Unit, own_fault, write_aside
from services.core.clock import Clock
from services.core.db import pass_on_cancel
from services.core.log import logger
from services.core.text import describe_error
from services.gateway.limits import Bucket

log = logger(__name__)

PROGRAM = "gateway"
WAITING = 1_000  # units waiting to be listed; beyond that the oldest are dropped
NEW_UNITS = (0.5, 200)  # per second and at once, so that one fault of ours cannot fill the list
LOOK_EVERY_S = 3.0


class Connections(Protocol):
    """Where connections to the database come from: the registry."""

    async def ready_pool(self) -> asyncpg.Pool:
        """Return the pool."""


class Failure(NamedTuple):
    """A unit that failed, and how."""

    unit: Unit
    error: Exception
    at: datetime


class Border:
    """`failures` wait to be listed, units that are `well` again to be struck off.

    `retry` is set by main: it takes the detail of a unit of its kind once more.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.failures: OrderedDict[tuple[str, str], Failure] = OrderedDict()
        self._told: OrderedDict[tuple[str, str], datetime] = OrderedDict()  # when last; open as far as we know
        self.well: set[tuple[str, str]] = set()
        self._new = Bucket(*NEW_UNITS, clock.monotonic())
        self.retry: dict[str, Callable[[Mapping[str, Any]], None]] = {}

    @contextmanager
    def around(self, unit: Unit | Callable[[], Unit]) -> Iterator[None]:
        """Do one unit of work; an error of its own ends that unit alone. A function names a unit that failed."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  shown with its real text, and listed
            self.note(unit if isinstance(unit, Unit) else unit(), error)

    def note(self, unit: Unit, error: Exception) -> None:
        """Set a unit aside; one that comes up again and again is told once a minute."""
        key, now = (unit.kind, unit.name), self._clock.now()
        self.well.discard(key)
        before = self._told.get(key)
        if before is not None and now - before < RETRY_AFTER:
            return
        listed = before is not None or self._new.take(1, self._clock.monotonic())
        log.error(
            "unit_failed",
            unit=f"{unit.kind} {unit.name}",
            error=describe_error(error),
            fire=unit.fire,
            listed=listed,
        )
        if not listed:
            return
        self._told[key] = now
        self._told.move_to_end(key)
        self.failures[key] = Failure(unit, error, now)
        for kept in (self.failures, self._told):
            while len(kept) > WAITING:
                kept.popitem(last=False)

    def over(self, kind: str, name: str) -> None:
        """Say that a unit went through; costs nothing for one that never failed."""
        if self._told.pop((kind, name), None) is not None:
            self.well.add((kind, name))

    async def run(self, database: Connections) -> None:
        """List what failed, strike off what is over and try again what a person asked for, until cancelled."""
        while True:
            try:
                async with (await database.ready_pool()).acquire() as connection:
                    await self._write(connection)
                    await self._try_again(connection)
            except Exception as error:  # noqa: BLE001  this is the border itself: it waits and goes on
                pass_on_cancel()
                log.info("set_aside_waits", waiting=len(self.failures), error=describe_error(error))
            await self._clock.sleep(LOOK_EVERY_S)

    async def _write(self, connection: Any) -> None:
        while self.failures:
            key, failure = next(iter(self.failures.items()))
            try:
                await write_aside(connection, PROGRAM, failure.unit, failure.error, failure.at)
            except Exception as error:
                if not own_fault(error):
                    raise
                log.exception("set_aside_failed", unit=f"{failure.unit.kind} {failure.unit.name}")
            if self.failures.get(key) is failure:
                del self.failures[key]
        for kind, name in list(self.well):
            await connection.execute(SQL["over"], PROGRAM, kind, name, self._clock.now())
            self.well.discard((kind, name))

    async def _try_again(self, connection: Any) -> None:
        """A unit that is not at hand (a row, a link) comes up by itself: it is struck off, and listed if it fails."""
        opened = await connection.fetch(SQL["open_of"], PROGRAM)
        asked = [row["id"] for row in opened if row["retry_requested_at"] is not None]
        for row in await connection.fetch(SQL["details"], asked) if asked else ():
            await connection.execute(SQL["over"], PROGRAM, row["kind"], row["name"], self._clock.now())
            self._told.pop((row["kind"], row["name"]), None)
            again = self.retry.get(row["kind"])
            if again is not None:
                with self.around(Unit(row["kind"], row["name"], row["area"], row["fire"], row["detail"])):
                    again(row["detail"])
