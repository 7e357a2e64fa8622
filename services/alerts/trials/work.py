"""Works one trial off, as a process of its own: `python -m services.alerts.trials.work NUMBER WORKER`.

Started by `runner`. Promises to give way to everything else (lowest priority, bounded memory, one bounded step of
readings at a time), to end when it is cancelled, when it has read too much, and with the program that started it.
"""

import asyncio
import os
import resource
import sys
import threading
import time
import uuid
from contextlib import suppress
from typing import Any, Final

import asyncpg

from services.alerts.trials.by_cells import walk_cells
from services.alerts.trials.by_devices import walk_devices
from services.alerts.trials.comparison import SAME, Alarm, compare, inside
from services.alerts.trials.sides import Side, TooMuchError, Trial
from services.core import db
from services.core.errors import FiretowerError
from services.core.rules.catalog_early import EARLY
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.trials import MOST_READINGS
from services.core.settings import AlertsSettings
from services.core.statements import load_queries
from services.core.words import Reason

SQL = load_queries(__file__)
MOST_MEMORY: Final = 1024**3
MOST_S: Final = 1800.0
PLAN_FOR_THE_SPAN: Final = "set plan_cache_mode = force_custom_plan"  # otherwise every chunk is looked into
_TELLS_EVERY_S: Final = 1.0
_TOO_MANY: Final = Reason(
    f"需读取超过 {MOST_READINGS // 10_000} 万条读数：请缩短时间或缩小范围",
    f"more than {MOST_READINGS} readings would have to be read: choose fewer days or a smaller area",
)
_TOO_LONG: Final = Reason(
    f"超过 {MOST_S / 60:.0f} 分钟仍未完成：请缩短时间或缩小范围",
    f"not done after {MOST_S / 60:.0f} minutes: choose fewer days or a smaller area",
)


class _CancelledError(Exception):
    """The trial is no longer ours: cancelled, or taken up by another worker."""


class Progress:
    """How far a trial is; asks at the same time whether it is still wanted."""

    def __init__(self, conn: asyncpg.Connection, number: int, worker: uuid.UUID) -> None:
        self._conn, self._number, self._worker = conn, number, worker
        self._begun_s = time.monotonic()
        self._told_s = float("-inf")
        self.readings = 0

    async def note(self, rows: int, part: float) -> None:
        """Count readings; tell it now and then.

        Raises:
            TooMuchError: more may not be read.
            _CancelledError: nobody wants it any more.
        """
        self.readings += rows
        now_s = time.monotonic()
        if self.readings > MOST_READINGS:
            raise TooMuchError(_TOO_MANY)
        if now_s - self._begun_s > MOST_S:
            raise TooMuchError(_TOO_LONG)
        if now_s - self._told_s < _TELLS_EVERY_S:
            return
        self._told_s = now_s
        if await self._conn.fetchval(SQL["tell"], self._number, self._worker, part, self.readings) is None:
            raise _CancelledError


async def work(conn: asyncpg.Connection, settings: AlertsSettings, number: int, worker: uuid.UUID) -> None:
    """Walk both sides of a trial, by a second connection, and store what they found."""
    row = await conn.fetchrow(SQL["trial"], number, worker)
    if row is None:
        return
    progress = Progress(conn, number, worker)
    try:
        result = await _compare(row, settings, progress)
    except TooMuchError as error:
        said = error.said
        await conn.execute(SQL["fail"], number, worker, said.zh, said.en, progress.readings)
    except _CancelledError:
        return
    else:
        await conn.execute(SQL["finish"], number, worker, result, progress.readings)


async def _compare(row: asyncpg.Record, settings: AlertsSettings, progress: Progress) -> dict[str, Any]:
    # progress is told while the walk holds a cursor open
    past = await db.connect(settings.database_url, program="trial", statement_timeout_s=600)
    try:
        await past.execute(PLAN_FOR_THE_SPAN)
        devices = None
        if row["scope"] != "all":
            devices = frozenset(one["code"] for one in await past.fetch(SQL["devices"], row["scope"], row["target"]))
        trial = Trial(row["code"], row["parameters"], row["since"], row["until"], devices)
        book = book_of(await past.fetch(READ_OVERRIDES))
        sides = Side(trial.code, {}, book), Side(trial.code, trial.parameters, book)
        walk = walk_cells if trial.code in EARLY else walk_devices
        await walk(past, trial, sides, progress.note)
        opened = await past.fetch(SQL["alarms"], trial.code, trial.since - SAME, trial.until + SAME)
    finally:
        await past.close()
    before, after = (inside(side.document(), devices) for side in sides)
    return compare(before, after, [Alarm(*one.values()) for one in opened])


def main(number: str, worker: str) -> int:
    """Work one trial off; the exit code."""
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    asyncio.run(_run(int(number), uuid.UUID(worker)))
    return 0


async def _run(number: int, worker: uuid.UUID) -> None:
    settings = AlertsSettings.read()
    conn = await db.connect(settings.database_url, program="trial")
    try:
        await work(conn, settings, number, worker)
    finally:
        await conn.close()


def _end_with_parent() -> None:
    """Wait for the end of what the parent never writes.

    Not by `sys.stdin`: a read holds its lock while it waits, and an interpreter that ends meanwhile aborts.
    """
    with suppress(OSError):
        os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except FiretowerError as error:
        sys.exit(f"firetower: {error}")
