"""Records the outcomes of attempts, many at once. One task of main, used by every courier.

Promises that after `flush` everything noted before it is in the database. An outcome lost with the process belongs to
a delivery that is then posted again, under the same id.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.core.clock import Clock
from services.core.statements import load_queries

SQL = load_queries(__file__, "push.sql")
GATHER_S = 0.02


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt and the state of the delivery after it. `failures`: of the subscription, in a row."""

    subscription_id: int
    number: int
    state: str
    attempts: int
    due_at: datetime
    at: datetime
    status: int | None
    error: str | None
    took_ms: float
    failures: int


class Recorder:
    """Outcomes that wait to be written."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool, self._clock = pool, clock
        self._noted: list[Outcome] = []
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    def note(self, outcome: Outcome) -> None:
        """Note an outcome, to be written soon."""
        self._noted.append(outcome)
        self._wake.set()

    async def run(self) -> None:
        """Write noted outcomes without end."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await self._clock.sleep(GATHER_S)

    async def flush(self) -> None:
        """Write everything that has been noted."""
        async with self._writing:
            some, self._noted = self._noted, []
            if some:
                async with self._pool.acquire() as conn, conn.transaction():
                    await conn.execute(SQL["record"], *_columns([_delivery(one) for one in some]))
                    await conn.execute(SQL["record_health"], *_columns(_health(some)))


def _delivery(one: Outcome) -> tuple[object, ...]:
    result = (one.at, one.status, one.error, one.took_ms)
    return (one.subscription_id, one.number, one.state, one.attempts, one.due_at, *result)


def _health(some: Sequence[Outcome]) -> list[tuple[object, ...]]:
    """Return for each subscription its newest attempt, and when one was last accepted."""
    newest = {one.subscription_id: one for one in sorted(some, key=lambda one: one.at)}
    taken = {one.subscription_id: one.at for one in some if one.state == "delivered"}
    return [
        (name, one.failures, one.at, one.status, one.error, taken.get(name)) for name, one in sorted(newest.items())
    ]


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
