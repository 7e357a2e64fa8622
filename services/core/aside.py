"""Units of work that failed for a reason of their own: set aside with their real error, so that the next one goes on.

Used by every program around its smallest units (an event, a device's readings, an alarm's clock, a duty). Promises that
a unit is listed once while it is open, that people see the error as it was, and that a retry is asked for, never lost.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.core import db
from services.core.clock import Clock
from services.core.db import load_queries
from services.core.errors import Fenced
from services.core.log import logger
from services.core.text import clean_json, clean_text, describe_error

SQL = load_queries(Path(__file__).with_name("aside.sql"))
RETRY_AFTER = timedelta(seconds=60)  # a unit that comes up by itself (a clock, a duty) is tried again so often
_LONGEST_NAME = 200
log = logger(__name__)
Connection = asyncpg.Connection | PoolConnectionProxy
Item = TypeVar("Item")


class Unit(NamedTuple):
    """The smallest piece of work that can fail alone. `detail` is what a later try needs to find it again."""

    kind: str  # event, readings, alarm, call, duty, message …
    name: str  # which of its kind: event:17:e1, device:12, alarm:5
    area: str | None = None
    fire: bool = False
    detail: dict[str, Any] = {}  # noqa: RUF012 - never changed


def own_fault(error: Exception) -> bool:
    """Whether a failure belongs to the unit at hand, not to a database that is away or to a lost lease."""
    return not (isinstance(error, Fenced) or db.is_away(error))


async def write_aside(conn: Connection, program: str, unit: Unit, error: BaseException, now: datetime) -> None:
    """Set a unit aside: a row that people see, with the error as it was. One that stands there counts once more."""
    said = describe_error(error)
    log.error("set_aside", unit=f"{unit.kind} {unit.name}", error=said, exc_info=error)
    await conn.execute(
        SQL["set_aside"],
        program,
        unit.kind,
        clean_text(unit.name, _LONGEST_NAME),
        unit.area,
        unit.fire,
        said,
        clean_json(unit.detail),
        now,
    )


async def by_halves(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Awaitable[None]],
    spoiled: Callable[[Item, Exception], Awaitable[None]],
) -> None:
    """Do `work` on all items at once; when that fails for a reason of theirs, on halves, down to the one that fails.

    `work` must be whole or nothing (one transaction). `spoiled` gets each item that fails alone. What says that the
    database is away passes through.
    """
    if not items:
        return
    try:
        await work(items)
    except Exception as error:
        if not own_fault(error):
            raise
        if len(items) == 1:
            await spoiled(items[0], error)
            return
        middle = len(items) // 2
        await by_halves(items[:middle], work, spoiled)
        await by_halves(items[middle:], work, spoiled)


class Asides:
    """What one program has set aside: which units are left alone for a while, which a person wants tried again."""

    def __init__(self, program: str, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self._open: dict[tuple[str, str], datetime] = {}  # until when a unit is left alone

    @property
    def any_open(self) -> bool:
        """Whether anything is set aside."""
        return bool(self._open)

    async def refresh(self, conn: Connection) -> list[asyncpg.Record]:
        """Take over what is open; return the units that a person wants tried again. They are left alone no longer."""
        rows = await conn.fetch(SQL["open_of"], self._program)
        if not rows and not self._open:
            return []
        known, now = self._open, self._clock.now()
        again = [row for row in rows if row["retry_requested_at"] is not None]
        self._open = {(row["kind"], row["name"]): known.get((row["kind"], row["name"]), now) for row in rows}
        for row in again:
            self._open[row["kind"], row["name"]] = now
        return again

    def waits(self, kind: str, name: str) -> bool:
        """Whether the unit is set aside and its next try lies ahead."""
        until = self._open.get((kind, name))
        return until is not None and self._clock.now() < until

    def waiting(self, kind: str) -> list[str]:
        """Return the names of the units of a kind that are left alone for now."""
        now = self._clock.now()
        return [name for (of_kind, name), until in self._open.items() if of_kind == kind and now < until]

    def names(self, kind: str) -> set[str]:
        """Return the names of all units of a kind that are set aside."""
        return {name for of_kind, name in self._open if of_kind == kind}

    async def add(self, conn: Connection, unit: Unit, error: Exception, again: timedelta = RETRY_AFTER) -> None:
        """Set a unit aside and leave it alone for a while."""
        now = self._clock.now()
        name = clean_text(unit.name, _LONGEST_NAME)
        self._open[unit.kind, name] = now + again
        await write_aside(conn, self._program, unit._replace(name=name), error, now)

    async def over(self, conn: Connection, kind: str, name: str) -> None:
        """Strike a unit off that went through; costs nothing for one that never failed."""
        if self._open.pop((kind, name), None) is not None:
            await conn.execute(SQL["over"], self._program, kind, name, self._clock.now())
