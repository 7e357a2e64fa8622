"""Clears away: old Idempotency-Keys, sessions and imports, and hours of loss accounting summed once.

One task of main. With the database away it tries again at its next turn; a duty that fails for a reason of its own is
set aside and holds up no other.
"""

from datetime import datetime, timedelta

import asyncpg

from services.api.registry import import_faults
from services.api.registry.quality import QUERIES as QUALITY
from services.api.request.database import Database
from services.api.system.slo import LONGEST
from services.core import db
from services.core.aside import Asides, Unit, own_fault
from services.core.clock import Clock
from services.core.log import logger
from services.core.statements import load_queries
from services.core.steady import is_steady
from services.core.text import describe_error

SQL = load_queries(__file__)

log = logger(__name__)
EVERY_S = 600.0
_KEPT = timedelta(hours=24)
_COUNTED_LIVE = timedelta(hours=26)  # the last 24 h are shown by the hour
_COUNTED_BY_HOUR = LONGEST + timedelta(days=1)
_MOST_AT_ONCE = 100_000  # the first time, years of them
_FIRST_S = 20.0
_IMPORTS_KEPT = timedelta(days=30)  # the single rows; who imported and when stays in the audit


async def _fold_quality(connection: asyncpg.Connection, now: datetime) -> None:
    before = (now - _COUNTED_LIVE).replace(minute=0, second=0, microsecond=0)
    await connection.execute(QUALITY["unfold_quality"], before)
    await connection.execute(QUALITY["fold_quality"], before)


async def _forget_quality(connection: asyncpg.Connection, now: datetime) -> None:
    if await is_steady(connection, now):
        await connection.execute(QUALITY["forget_quality"], now - _COUNTED_BY_HOUR, _MOST_AT_ONCE)


async def _forget_keys(connection: asyncpg.Connection, now: datetime) -> None:
    await connection.execute(SQL["forget_keys"], now - _KEPT)


async def _forget_sessions(connection: asyncpg.Connection, now: datetime) -> None:
    await connection.execute(SQL["forget_sessions"], now)


async def _forget_imports(connection: asyncpg.Connection, now: datetime) -> None:
    await connection.execute(import_faults.SQL["forget"], now - _IMPORTS_KEPT)


# the sums last: they read most, and what runs out of time there must not keep the others from their turn
DUTIES = (_forget_keys, _forget_sessions, _forget_imports, _forget_quality, _fold_quality)


async def clear(database: Database, clock: Clock, asides: Asides) -> None:
    """Do each duty once."""
    for duty in DUTIES:
        name = f"housekeeping:{duty.__name__.strip('_')}"
        try:
            async with database.writing() as connection:
                await duty(connection, clock.now())
                await asides.over(connection, "duty", name)
        except Exception as error:
            if not own_fault(error):
                raise
            async with database.writing() as connection:
                await asides.add(connection, Unit("duty", name), error)


async def keep_house(database: Database, clock: Clock) -> None:
    """Clear again and again."""
    asides = Asides("api", clock)
    await clock.sleep(_FIRST_S)
    while True:
        try:
            await clear(database, clock, asides)
        except db.AWAY as error:
            db.pass_on_cancel()
            log.warning("old_rows_not_removed", error=describe_error(error))
        await clock.sleep(EVERY_S)
