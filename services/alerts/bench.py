"""The bench: one connection, one transaction at a time, fires before everything else. Started by main.

Promises that event writers are looked at before every slice of telemetry, and that every transaction is fenced.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from services.alerts import lease
from services.alerts.events import EventFeed
from services.alerts.registry import Registry
from services.core.alarms.page import Page
from services.core.alarms.policies import Policies
from services.core.clock import Clock
from services.core.metrics import ALARMS_RAISED, RECEIVED_TO_OPEN

POLL_S = 0.05  # the guarantee when no hint comes


@dataclass(slots=True)
class Bench:
    """What every part that judges shares."""

    conn: asyncpg.Connection
    owner: UUID
    clock: Clock
    policies: Policies
    registry: Registry
    events: EventFeed
    announce: Callable[[], None]  # called after a commit that may have made notices
    hint: asyncio.Event = field(default_factory=asyncio.Event)

    async def transact(self, work: Callable[[Page], Awaitable[None]]) -> Page:
        """Run `work` on a fresh page in one fenced transaction, write the page, count what was opened."""
        async with self.conn.transaction():
            await lease.hold(self.conn, self.owner)
            page = Page(self.conn, self.clock.now(), self.policies)
            await work(page)
            await page.write()
        for entry in page.opened:
            ALARMS_RAISED.labels(entry.alarm.category, entry.alarm.severity).inc()
        if page.told:
            self.announce()
        return page

    async def look_at_fires(self) -> None:
        """Judge the fires that are committed; measures received to open."""
        for received_at in await self.events.read_fires(self.conn, self.transact):
            RECEIVED_TO_OPEN.observe(max(0.0, (self.clock.now() - received_at).total_seconds()))
