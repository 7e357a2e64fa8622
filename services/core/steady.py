"""Whether we already ran a week ago, by the clock as it is now. What is deleted by its age waits until then.

Used by whatever keeps the retention. A clock that is years ahead (a dead battery, a wrong time server) makes everything
old at once: so a person has a week to notice it. Ingest commits its own probes every second, so the numbered log shows
when we ran; it is kept for 30 days.
"""

from datetime import datetime

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.core.statements import load_queries

SQL = load_queries(__file__)


async def is_steady(connection: asyncpg.Connection | PoolConnectionProxy, now: datetime | None = None) -> bool:
    """Say whether something was committed between a week and a month before `now`; None: the database's own time."""
    return bool(await connection.fetchval(SQL["is_steady"], now))
