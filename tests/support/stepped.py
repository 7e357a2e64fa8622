"""Alarms as the ledger steps them, at moments of the test's own: a condition that comes and goes, a fire that does."""

from datetime import datetime

import asyncpg

from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding
from services.core.alarms.policies import load_policies
from services.core.words import Category, Confidence, Part, Reason, Severity, Verification

WHY = Reason("原因", "reason")


class Stepped:
    """The alarms of one device."""

    def __init__(
        self, conn: asyncpg.Connection, code: str, device_id: int, area: str, site_id: int | None = None
    ) -> None:
        self.conn = conn
        self.code = code
        self.place = Place(f"device:{device_id}", device_id, code, site_id, area)

    async def condition(
        self, code: str, at: datetime, *, active: bool = True, severity: Severity = Severity.MINOR
    ) -> None:
        """Let a condition begin or end."""
        finding = Finding(code, Category.DEVICE, severity, WHY, active, self.code, self.place.area, cause=code)
        key = Key(self.place.subject, code)
        async with self.conn.transaction():
            page = Page(self.conn, at, await load_policies(self.conn))
            await page.load([key])
            page.take(key, finding, "rule", self.place)
            await page.write()

    async def fire(self, at: datetime, *, active: bool = True, component: str = "1-1") -> None:
        """Let a detector report a fire, or that it is over."""
        finding = Finding(
            "fire", Category.FIRE, Severity.CRITICAL, WHY, active, self.code, self.place.area, component, cause="fire",
            confidence=Confidence.SUSPECTED, part=Part.DETECTOR if component else Part.PANEL,
        )  # fmt: skip
        async with self.conn.transaction():
            page = Page(self.conn, at, await load_policies(self.conn))
            await page.load_scope(self.place.scope)
            await page.take_fire(self.place.scope, finding, "event", self.place)
            await page.write()

    async def judge(self, at: datetime, verdict: str) -> None:
        """Let a person judge the device's open fire."""
        alarm = await self.conn.fetchval(
            "select id from alarm where device_id = $1 and code = 'fire' and state <> 'closed'", self.place.device_id
        )
        await acts.verify(self.conn, alarm, outcome=Verification(verdict), note="", actor="user:li", now=at)
