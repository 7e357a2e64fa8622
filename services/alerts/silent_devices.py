"""The look through all devices for those that may be silent, on a connection of its own, so that no fire waits for it.

A duty of main; what it finds is judged by `silence` on the bench. The newest time a device was heard changes with every
message, so that no index can hold it: each look reads every device's row, half a second of them at 200 000 devices.
"""

from datetime import UTC, datetime

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.incidents import SQL
from services.alerts.rules.offline import Watermark
from services.alerts.silence import AT_ONCE, KIND, Look, Silence
from services.core.aside import Asides
from services.core.clock import Clock

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
EVERY_S = 1.0
REST = 4.0
"""A look of a second is followed by four seconds without: a county of any size keeps a fifth of a core busy at most."""


class SilentDevices:
    """Looks again and again, and hands over what it found."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, asides: Asides, silence: Silence) -> None:
        self._pool = pool
        self._clock = clock
        self._asides = asides
        self._silence = silence

    async def take_turn(self) -> float:
        """Look once; return the seconds until the next look."""
        began = self._clock.monotonic()
        async with self._pool.acquire() as conn:
            mark = await _read_watermark(conn)
            if mark is not None:
                waiting, behind = self._asides.waiting(KIND), self._silence.round.behind
                rows = await conn.fetch(SQL["silent_devices"], mark.heard_until, waiting, AT_ONCE, behind)
                self._silence.take(Look(mark, rows, behind))
        return max(EVERY_S, REST * (self._clock.monotonic() - began))


async def _read_watermark(conn: PoolConnectionProxy) -> Watermark | None:
    """Return up to when every lane has heard; None while one of them has heard nothing."""
    row = await conn.fetchrow(SQL["watermark"])
    if row is None or not row["lanes"] or not row["complete"]:
        return None
    return Watermark(max(row["since"] or BEGINNING, BEGINNING), row["heard_until"])
