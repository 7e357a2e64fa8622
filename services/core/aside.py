"""Units of work that failed for a reason of their own: set aside with their real error, so that the next one goes on.

Used by every program around its smallest units (an event, a device's readings, an alarm's clock, a duty). Promises that
a unit is listed once while it is open, that people see the error as it was, that a retry is asked for, never lost, and
that a flood of failures makes a bounded list.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.core import db
from services.core.clock import Clock
from services.core.errors import Fenced
from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import clean_json, clean_text, describe_error

SQL = load_queries(__file__)
RETRY_AFTER = timedelta(seconds=60)  # a unit that comes up by itself (a clock, a duty) is tried again so often
BLOCKED_AFTER = timedelta(seconds=5)  # one that somebody else's lock held up
MOST_OPEN, MOST_FIRES_OPEN = 1000, 10_000  # of one kind; further ones are counted in one line named MORE
MORE = "…"
KEPT = timedelta(days=30)
_AT_ONCE = 20  # how many are tried again in one round, so that fires need not wait long
_BLOCKED = frozenset({"55P03", "57014", "40P01", "40001"})  # lock or statement timeout, deadlock, serialization
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


def is_blocked(error: Exception) -> bool:
    """Whether somebody else's lock, or a statement that took too long, stopped the unit at hand: soon tried again."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _BLOCKED


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
        MOST_FIRES_OPEN if unit.fire else MOST_OPEN,
        MORE,
    )


async def by_halves(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Awaitable[None]],
    spoiled: Callable[[Item, Exception], Awaitable[None]],
    is_theirs: Callable[[Exception], bool] = own_fault,
) -> None:
    """Do `work` on all items at once; when that fails for a reason of theirs, on halves, down to the one that fails.

    `work` must be whole or nothing (one transaction). `spoiled` gets each item that fails alone. What is not theirs
    (the database is away) passes through.
    """
    if not items:
        return
    try:
        await work(items)
    except Exception as error:
        if not is_theirs(error):
            raise
        if len(items) == 1:
            await spoiled(items[0], error)
            return
        middle = len(items) // 2
        await by_halves(items[:middle], work, spoiled, is_theirs)
        await by_halves(items[middle:], work, spoiled, is_theirs)


async def forget_old(conn: Connection, now: datetime) -> None:
    """Delete what went through or was given up a month ago."""
    await conn.execute(SQL["forget"], now - KEPT)


def _lies_ahead(until: datetime, now: datetime) -> bool:
    """Whether to wait until then. Nothing waits for longer than `RETRY_AFTER`, unless the clock was set back."""
    return now < until <= now + RETRY_AFTER


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

    async def refresh(self, conn: Connection, by_itself: Collection[str] = ()) -> list[asyncpg.Record]:
        """Take over what is open; return the units to be tried again now, with their detail.

        These are what a person asked for, and of the kinds in `by_itself` some whose time has come, fires first.
        """
        before = set(self._open)
        rows = await conn.fetch(SQL["open_of"], self._program)
        if not rows and not self._open:
            return []
        now = self._clock.now()
        fresh = {key: until for key, until in self._open.items() if key not in before}  # added while we read
        asked = [row for row in rows if row["retry_requested_at"] is not None]
        for row in rows:
            key = (row["kind"], row["name"])
            fresh[key] = now if row["retry_requested_at"] is not None else self._open.get(key, now)
        self._open = fresh
        due = [
            row
            for row in rows
            if row["kind"] in by_itself
            and row["name"] != MORE
            and row["retry_requested_at"] is None
            and not _lies_ahead(fresh[row["kind"], row["name"]], now)
        ]
        ids = [row["id"] for row in (*asked, *due[:_AT_ONCE])]
        return await conn.fetch(SQL["details"], ids) if ids else []

    def waits(self, kind: str, name: str) -> bool:
        """Whether the unit is set aside and its next try lies ahead."""
        until = self._open.get((kind, name))
        return until is not None and _lies_ahead(until, self._clock.now())

    def waiting(self, kind: str) -> list[str]:
        """Return the names of the units of a kind that are left alone for now."""
        now = self._clock.now()
        return [name for (of_kind, name), until in self._open.items() if of_kind == kind and _lies_ahead(until, now)]

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
        """Strike off a unit that went through; costs nothing for one that never failed."""
        if self._open.pop((kind, name), None) is not None:
            await conn.execute(SQL["over"], self._program, kind, name, self._clock.now())
