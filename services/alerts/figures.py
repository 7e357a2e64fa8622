"""Figures for people and Prometheus: alarm load after ISA-18.2 and EEMUA 191, open alarms, notices, overdue steps.

A duty of main, every ten seconds, on a connection of its own. Reads only.
"""

from datetime import datetime

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.clocks import count_overdue
from services.alerts.deliver import SQL as OUTBOX_SQL
from services.core.alarms.load import in_flood
from services.core.clock import Clock
from services.core.metrics import (
    ALARMS_OPEN,
    LOAD_10MIN,
    LOAD_CHATTERING,
    LOAD_FLOOD,
    LOAD_SHARE,
    LOAD_STALE,
    LOAD_TOP10,
    NOTICES_OPEN,
    STEPS_OVERDUE,
)
from services.core.statements import load_queries
from services.core.words import Category, Severity

SQL = load_queries(__file__)
EVERY_S = 10.0
for _state in ("waiting", "held", "dead"):
    NOTICES_OPEN.labels(_state)


class Figures:
    """Measures regularly; remembers whether there was a flood."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._flood = False

    async def take_turn(self) -> float:
        """Measure once."""
        async with self._pool.acquire() as conn:
            self._flood = await measure(conn, self._clock.now(), flood=self._flood)
        return EVERY_S


async def measure(conn: PoolConnectionProxy, now: datetime, *, flood: bool) -> bool:
    """Set every figure; return whether there is a flood now."""
    row = await conn.fetchrow(SQL["load"], now)
    if row is None:
        return flood
    flood = in_flood(row["per_10min"], flood=flood)
    LOAD_10MIN.set(row["per_10min"])
    LOAD_FLOOD.set(flood)
    LOAD_CHATTERING.set(await conn.fetchval(SQL["chattering"], now))
    LOAD_STALE.set(await conn.fetchval(SQL["stale"], now))
    day = max(1, row["day"])
    for severity in Severity:
        LOAD_SHARE.labels(severity).set(row[severity] / day)
    LOAD_TOP10.set(float(await conn.fetchval(SQL["top10"], now)) / day)
    opened = {(found["category"], found["severity"]): found["alarms"] for found in await conn.fetch(SQL["open"])}
    for category in Category:
        for severity in Severity:
            ALARMS_OPEN.labels(category, severity).set(opened.get((category, severity), 0))
    counts = {found["state"]: found["notices"] for found in await conn.fetch(OUTBOX_SQL["counts"])}
    for state in ("waiting", "held", "dead"):
        NOTICES_OPEN.labels(state).set(counts.get(state, 0))
    STEPS_OVERDUE.set(await count_overdue(conn, now))
    return flood
