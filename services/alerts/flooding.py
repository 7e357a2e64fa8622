"""Devices that flood: an alarm with a count stays open until they have been quiet for some minutes.

Called by the bench every second. Ingest counts what a device sends beyond its share; `note_surplus` adds the events
that got no alarm of their own.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.alerts.border import Border
from services.alerts.registry import Device, Registry
from services.alerts.rule_states import RuleStates
from services.alerts.rules.flooding import CODE, Flood, find_flooding, find_quiet
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key
from services.core.alarms.life.happenings import Finding, Situation
from services.core.aside import Unit
from services.core.statements import load_queries

SQL = load_queries(__file__)
KIND = "flooding"  # of what is set aside
_NONE: Counter[int] = Counter()


class Verdict(NamedTuple):
    """A device floods, or no longer does."""

    device: Device
    finding: Finding


class Flooding:
    """The watch over devices that send more than their share."""

    def __init__(self, registry: Registry, states: RuleStates) -> None:
        self._registry = registry
        self._states = states

    async def watch(self, border: Border, now: datetime) -> None:
        """Raise the alarm of devices that flood, and end it where they are quiet."""
        rows = await border.conn.fetch(SQL["floods"], border.asides.waiting(KIND))
        await self._registry.load(border.conn, [row["device_id"] for row in rows])
        found: list[Verdict] = []
        for row in rows:
            device = self._registry[row["device_id"]]
            find = find_quiet if row["told"] else find_flooding
            finding = find(device.profile, _read(row), now, self._states.parameters(device, now))
            if finding is not None:
                found.append(Verdict(device, finding))
        if found:
            await border.settle(found, _judge, _name)


async def note_surplus(page: Page, *, fires: Counter[int] = _NONE, others: Counter[int] = _NONE) -> None:
    """Count, by device, fires and other conditions that have no alarm of their own."""
    ids = sorted(fires.keys() | others.keys())
    if ids:
        await page.conn.execute(
            SQL["note_surplus"], ids, [fires[number] for number in ids], [others[number] for number in ids], page.now
        )


def _read(row: asyncpg.Record) -> Flood:
    return Flood(row["elements"], row["fires"], row["others"], row["began_at"], row["last_at"])


async def _judge(page: Page, some: Sequence[Verdict]) -> None:
    await page.load([Key(device.place.subject, CODE) for device, _ in some])
    for device, finding in some:
        situation = Situation(out_of_service_until=device.place.out_of_service_until)
        page.take(Key(device.place.subject, CODE), finding, f"rule:{CODE}", device.place, situation)


def _name(item: Verdict) -> Unit:
    return Unit(KIND, item.device.profile.code, item.device.profile.area)
