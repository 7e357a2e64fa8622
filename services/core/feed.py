"""Ingest's numbered logs, read in order: one cursor per writer and reader, saved with what the reader made of it.

Used by the bench of alerts and by the relay. Promises that no batch is skipped, whichever process read before.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)
Connection = asyncpg.Connection | PoolConnectionProxy
log = logger(__name__)


class Batch(NamedTuple):
    """One committed batch of ingest."""

    id: int
    writer: str
    number: int
    committed_at: datetime
    min_ts: datetime | None
    max_ts: datetime | None
    rows: dict[str, int]
    rejects: int


class Feed:
    """The logs of one lane and how far they are read. `mark` tells cursors of one lane apart."""

    def __init__(self, lane: str, mark: str = "") -> None:
        self.lane = lane
        self._mark = mark
        self._cursors: dict[str, int] = {}

    @property
    def writers(self) -> Collection[str]:
        """The writers whose logs are read."""
        return self._cursors.keys()

    async def find_writers(self, conn: Connection) -> None:
        """Find writers that are new since the last time."""
        writers = [row["writer"] for row in await conn.fetch(SQL["writers"]) if row["lane"] == self.lane]
        fresh = [writer for writer in writers if writer not in self._cursors]
        if fresh:
            saved = {row["writer"]: row["number"] for row in await conn.fetch(SQL["cursors"])}
            self._cursors |= {writer: saved.get(writer + self._mark, 0) for writer in fresh}

    async def begin(self, conn: Connection) -> None:
        """Put a cursor at the beginning for writers that have none: their log is kept until it is read."""
        await conn.execute(SQL["begin"], list(self._cursors), self._mark)

    async def next_batches(self, conn: Connection, limit: int, rows: int) -> list[Batch]:
        """Return the next batches of every writer, up to about `rows` rows in all; no cursor moves yet.

        Writers share the rows, and each is the first in its turn: none waits for another's backlog.
        """
        if not self._cursors:
            return []
        first = next(iter(self._cursors))
        self._cursors[first] = self._cursors.pop(first)  # the last from now on
        writers, numbers = list(self._cursors), list(self._cursors.values())
        waiting: dict[str, deque[Batch]] = {writer: deque() for writer in writers}
        for row in await conn.fetch(SQL["batches"], writers, numbers, limit):
            waiting[row["writer"]].append(_read_batch(row))
        return _share(list(waiting.values()), rows)

    async def newest_batches(self, conn: Connection, most: int, since: datetime) -> list[Batch]:
        """Return the newest batches of each writer that are not read yet, if they were committed since then."""
        writers, numbers = list(self._cursors), list(self._cursors.values())
        rows = await conn.fetch(SQL["newest_batches"], writers, numbers, most, since)
        return [_read_batch(row) for row in rows]

    async def save(self, conn: Connection, batches: Iterable[Batch]) -> None:
        """Move the stored cursors past `batches` in the caller's transaction; call `moved` after its commit."""
        for writer, number in _ends(batches).items():
            await conn.execute(SQL["save_cursor"], writer + self._mark, number)

    def moved(self, batches: Iterable[Batch]) -> None:
        """The transaction is committed: go on behind `batches`."""
        batches = list(batches)
        for batch in batches:
            expected = self._cursors[batch.writer] + 1
            if batch.number > expected > 1:
                log.error("feed_gap", writer=batch.writer, expected=expected, found=batch.number)
            self._cursors[batch.writer] = batch.number

    async def lag_s(self, conn: Connection, now: datetime) -> float:
        """Return the age of the oldest batch that is not judged yet, 0 when there is none."""
        if not self._cursors:
            return 0.0
        oldest = await conn.fetchval(SQL["oldest_waiting"], list(self._cursors), list(self._cursors.values()))
        return 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())


def _share(waiting: Sequence[deque[Batch]], rows: int) -> list[Batch]:
    """Take batches until there are about `rows` rows: always of the writer that has the fewest so far, in its order."""
    found: list[Batch] = []
    total = 0
    turns = [(0, place) for place, batches in enumerate(waiting) if batches]
    while turns:
        taken, place = heappop(turns)
        size = sum(waiting[place][0].rows.values())
        if found and total + size > rows:
            continue  # its next ones wait; what another has may still fit
        found.append(waiting[place].popleft())
        total += size
        if waiting[place]:
            heappush(turns, (taken + size, place))
    return found


def _ends(batches: Iterable[Batch]) -> dict[str, int]:
    ends: dict[str, int] = {}
    for batch in batches:
        ends[batch.writer] = batch.number
    return ends


def _read_batch(row: asyncpg.Record) -> Batch:
    kinds = ("events", "hydrant", "electrical", "water", "panel")
    return Batch(
        row["id"],
        row["writer"],
        row["number"],
        row["committed_at"],
        row["min_ts"],
        row["max_ts"],
        {kind: row[kind] for kind in kinds if row[kind]},
        row["rejects"],
    )


def span(batches: Iterable[Batch]) -> tuple[list[int], datetime, datetime] | None:
    """Return the ids of batches that hold rows and the span of their times, or None when all are empty."""
    filled = [batch for batch in batches if batch.rows and batch.min_ts is not None and batch.max_ts is not None]
    if not filled:
        return None
    first = min(batch.min_ts for batch in filled if batch.min_ts is not None)
    last = max(batch.max_ts for batch in filled if batch.max_ts is not None)
    return [batch.id for batch in filled], first, last
