"""Readings that came after their time was walked: those in time by the rules are walked as they come.

Many late ones of one cell make it read the month again. Used by `watch`. Promises that one cell at a time does so, and
at least half an hour apart, and that no reading is walked twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.early.cells import HISTORY, KINDS, Cell
from services.alerts.early.rows import MOST_ROWS, read_arrived
from services.core.clock import Clock
from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)
ROWS, SHARE = 12, 0.02  # at least this many late readings, and this share of a day's readings
SETTLED_S = 20.0  # after the last of them
LONGEST_S = 600.0
AGAIN_AFTER_S = 1800.0
_MOST_BATCHES = 500  # of one look
log = logger(__name__)
Connection = asyncpg.Connection | PoolConnectionProxy


class LateReadings:
    """Late readings, by cell."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._batch: int | None = None
        self._rows: dict[str, tuple[int, float, float]] = {}  # how many, since when, newest of them
        self._walked_again_at: dict[str, float] = {}

    async def hear(self, conn: Connection, cells: Mapping[str, Cell]) -> bool:
        """Give the cells what came after they had walked its time, and count late readings; True: there is more."""
        newest: int = await conn.fetchval(SQL["newest_batch"])
        if self._batch is None:
            self._batch = newest
        newest = max(newest, self._batch)  # never back, though a clock is
        found = await conn.fetch(SQL["behind_batches"], self._batch, newest, _MOST_BATCHES)
        batches = _within_one_look(found)
        if batches:
            ids, first = [row["id"] for row in batches], min(row["min_ts"] for row in batches)
            await self._give(conn, cells, ids, first)
            await self._count(conn, cells, ids)
            if len(batches) < len(found) or len(found) == _MOST_BATCHES:
                self._batch = ids[-1]
                return True
        self._batch = newest
        for cell in cells.values():
            cell.ahead = {name: batch for name, batch in cell.ahead.items() if batch > newest}
        return False

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

    async def _give(self, conn: Connection, cells: Mapping[str, Cell], batches: Sequence[int], first: datetime) -> None:
        homes = {member.id: cell for cell in cells.values() for member in cell.members}
        if not homes:
            return
        since = max(first, self._clock.now() - HISTORY)
        until = max(cell.walked_until for cell in cells.values())
        for kind in KINDS:
            for row in await read_arrived(conn, kind, batches, since, until):
                cell = homes.get(row["device_id"])
                if cell is not None and row["ts"] <= cell.walked_until and _name(row) not in cell.ahead:
                    cell.arrived.append(row)

    async def _count(self, conn: Connection, cells: Mapping[str, Cell], batches: Sequence[int]) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        found = await conn.fetch(SQL["late_rows"], batches, now - HISTORY, now)
        late = {row["device_id"]: row["rows"] for row in found}
        for cell in cells.values():
            rows = sum(late.get(member.id, 0) for member in cell.members)
            if rows:
                count, since, _ = self._rows.get(cell.name, (0, monotonic, monotonic))
                self._rows[cell.name] = count + rows, since, monotonic


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
