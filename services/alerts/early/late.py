"""Readings that came after their time was walked: those in time by the rules are walked as they come.

Many late ones of one cell make it read the month again. Used by `watch`. Promises that one cell at a time does so, and
at least half an hour apart, and that no reading is walked twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import is_

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.early.alarms import KIND
from services.alerts.early.cells import HISTORY, KINDS, Cell, Row
from services.alerts.early.rows import MOST_ROWS, read_arrived
from services.core.aside import Asides, Unit, is_blocked, own_fault
from services.core.clock import Clock
from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)
ROWS, SHARE = 12, 0.02  # at least this many late readings, and this share of a day's readings
SETTLED_S = 20.0  # after the last of them
LONGEST_S = 600.0
AGAIN_AFTER_S = 1800.0
_MOST_BATCHES = 500  # of one look
_UNIT = "arrived"  # the name under which a look that failed is set aside
_NOWHERE = None, datetime.max.replace(tzinfo=UTC)
_AGAIN, _TRIES = timedelta(seconds=10), 3
log = logger(__name__)
Connection = asyncpg.Connection | PoolConnectionProxy


class LateReadings:
    """Late readings, by cell."""

    def __init__(self, clock: Clock, asides: Asides) -> None:
        self._clock = clock
        self._asides = asides
        self._failed = 0  # looks, one after the other
        self._known: list[Cell] = []
        self._homes: dict[int, tuple[Cell, datetime]] = {}  # of the devices of these cells
        self._batch: int | None = None
        self._rows: dict[str, tuple[int, float, float]] = {}  # how many, since when, newest of them
        self._walked_again_at: dict[str, float] = {}

    async def hear(self, conn: Connection, cells: Mapping[str, Cell]) -> bool:
        """Give the cells what came after they had walked its time, and count late readings; True: there is more.

        A failure of its own is set aside and keeps no cell from walking. The third in a row passes over what it could
        not read: what cells remember meanwhile has no bound.
        """
        if self._batch is None:
            await self._asides.refresh(conn)  # what failed in a process before this one is over, too, when it goes on
        if self._asides.waits(KIND, _UNIT):
            return False
        try:
            more = await self._hear(conn, cells)
        except Exception as error:
            if not is_own(error):
                raise
            self._failed += 1
            await self._asides.add(conn, Unit(KIND, _UNIT), error, _AGAIN)
            return False
        self._failed = 0
        await self._asides.over(conn, KIND, _UNIT)
        return more

    async def _hear(self, conn: Connection, cells: Mapping[str, Cell]) -> bool:
        newest: int = await conn.fetchval(SQL["newest_batch"])
        if self._batch is None or self._failed >= _TRIES:
            self._batch = newest
        newest = max(newest, self._batch)  # never back, though a clock is
        found = await conn.fetch(SQL["behind_batches"], self._batch, newest, _MOST_BATCHES)
        batches = _within_one_look(found)
        more = len(batches) < len(found) or len(found) == _MOST_BATCHES
        if batches:
            ids, first = [row["id"] for row in batches], min(row["min_ts"] for row in batches)
            arrived = await self._read(conn, cells, ids, first)
            late = await self._count(conn, cells, [row["id"] for row in batches if row["may_be_late"]])
            # nothing is taken over before all of it was read: what fails is read again
            for cell, row in arrived:
                cell.arrived.append(row)
            self._note_late(late)
        self._batch = batches[-1]["id"] if more else newest
        if not more:
            for cell in cells.values():
                cell.ahead = {name: batch for name, batch in cell.ahead.items() if batch > newest}
        return more

    def note(self, cell: Cell, rows: Iterable[asyncpg.Record]) -> None:
        """Remember which readings of a step this has not looked at yet: they are not walked once more."""
        heard = self._batch or 0
        cell.ahead.update((_name(row), row["batch_id"]) for row in rows if row["batch_id"] > heard)

    def look(self, cells: Mapping[str, Cell]) -> list[str]:
        """Return the cells, at most one, that must read the month again now."""
        monotonic = self._clock.monotonic()
        if any(not cell.caught_up for cell in cells.values()):
            return []
        for name, (count, since, newest) in list(self._rows.items()):
            settled = monotonic - newest >= SETTLED_S or monotonic - since >= LONGEST_S
            if not settled or monotonic - self._walked_again_at.get(name, float("-inf")) < AGAIN_AFTER_S:
                continue
            del self._rows[name]
            cell = cells.get(name)
            if cell is not None and count >= max(ROWS, SHARE * cell.rows_a_day):
                log.info("early_cell_walks_again", cell=name, late=count)
                self._walked_again_at[name] = monotonic
                return [name]
        return []

    async def _read(
        self, conn: Connection, cells: Mapping[str, Cell], batches: Sequence[int], first: datetime
    ) -> list[tuple[Cell, Row]]:
        """Return what these batches brought for a time that its cell has walked, except late readings."""
        homes = self._find_homes(cells)
        if not homes:
            return []
        arrived: list[tuple[Cell, Row]] = []
        since = max(first, self._clock.now() - HISTORY)
        until = max(cell.walked_until for cell in cells.values())
        for kind in KINDS:
            for row in await read_arrived(conn, kind, batches, since, until):
                cell, begins = homes.get(row["device_id"], _NOWHERE)
                if cell is None or cell.kind != kind or not begins <= row["ts"] <= cell.walked_until:
                    continue  # of another kind: what the device was before
                if _name(row) not in cell.ahead:
                    arrived.append((cell, row))
        return arrived

    async def _count(self, conn: Connection, cells: Mapping[str, Cell], batches: Sequence[int]) -> dict[str, int]:
        """Return how many late readings of each cell these batches brought."""
        late: dict[str, int] = {}
        if not batches:
            return late
        homes, now = self._find_homes(cells), self._clock.now()
        for row in await conn.fetch(SQL["late_rows"], batches, now - HISTORY, now):
            cell, _ = homes.get(row["device_id"], _NOWHERE)
            if cell is not None:
                late[cell.name] = late.get(cell.name, 0) + row["rows"]
        return late

    def _find_homes(self, cells: Mapping[str, Cell]) -> Mapping[int, tuple[Cell, datetime]]:
        """Return the cell of each device and since when it is that device, made anew only when cells have changed."""
        known = list(cells.values())
        if len(known) != len(self._known) or not all(map(is_, known, self._known)):
            self._known = known
            self._homes = {member.id: (cell, member.since) for cell in known for member in cell.members}
        return self._homes

    def _note_late(self, late: Mapping[str, int]) -> None:
        monotonic = self._clock.monotonic()
        for name, rows in late.items():
            count, since, _ = self._rows.get(name, (0, monotonic, monotonic))
            self._rows[name] = count + rows, since, monotonic


def is_own(error: Exception) -> bool:
    """Whether a failure is of the cell or the look at hand (one that takes too long, too), not the database's."""
    return own_fault(error) or is_blocked(error) or isinstance(error, TimeoutError)


def _name(row: asyncpg.Record) -> tuple[str, datetime, int]:
    return row["code"], row["ts"], row["seq"]


def _within_one_look(batches: Sequence[asyncpg.Record]) -> Sequence[asyncpg.Record]:
    """Return as many batches, at least one, as hold no more readings than a step."""
    rows = 0
    for number, batch in enumerate(batches):
        rows += batch["rows"]
        if rows > MOST_ROWS:
            return batches[: max(1, number)]
    return batches
