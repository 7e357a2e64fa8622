"""Readings that came too late to be judged: many of one cell make it read the month again.

Used by `watch`. Promises that one cell at a time does so, and at least half an hour apart.
"""

from collections.abc import Mapping

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.early.cells import HISTORY, Cell
from services.core.clock import Clock
from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)
ROWS, SHARE = 12, 0.02  # at least this many late readings, and this share of a day's readings
SETTLED_S = 20.0  # after the last of them
LONGEST_S = 600.0
AGAIN_AFTER_S = 1800.0
log = logger(__name__)
Connection = asyncpg.Connection | PoolConnectionProxy


class LateReadings:
    """Late readings, by cell."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._batch: int | None = None
        self._rows: dict[str, tuple[int, float, float]] = {}  # how many, since when, newest of them
        self._walked_again_at: dict[str, float] = {}

    async def look(self, conn: Connection, cells: Mapping[str, Cell]) -> list[str]:
        """Count new late readings; return the cells, at most one, that must read the month again now."""
        await self._count(conn, cells)
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

    async def _count(self, conn: Connection, cells: Mapping[str, Cell]) -> None:
        if self._batch is None:
            self._batch = await conn.fetchval(SQL["newest_batch"])
        batches = await conn.fetch(SQL["late_batches"], self._batch)
        if not batches:
            return
        self._batch = batches[-1]["id"]
        now, monotonic = self._clock.now(), self._clock.monotonic()
        found = await conn.fetch(SQL["late_rows"], [row["id"] for row in batches], now - HISTORY, now)
        late = {row["device_id"]: row["rows"] for row in found}
        for cell in cells.values():
            rows = sum(late.get(member.id, 0) for member in cell.members)
            if rows:
                count, since, _ = self._rows.get(cell.name, (0, monotonic, monotonic))
                self._rows[cell.name] = count + rows, since, monotonic
