"""Devices that send nothing usable: they raise an alarm and are no longer shown as online.

Called by the bench every second. Ingest counts what it refuses, and ends the mark with the first message it accepts.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.alerts.border import Border
from services.alerts.registry import Device, Registry
from services.alerts.round import Round
from services.alerts.rule_states import RuleStates
from services.alerts.rules.unreadable import CODE, Refused, find_readable, find_unreadable
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key
from services.core.alarms.life.happenings import Finding, Situation
from services.core.aside import Unit, own_fault
from services.core.statements import load_queries

SQL = load_queries(__file__)
KIND = "unreadable"  # of what is set aside
AT_ONCE = 2000  # devices of one look


class Verdict(NamedTuple):
    """A device sends nothing usable, or sends something usable again."""

    device: Device
    finding: Finding


class Unreadable:
    """The watch over devices whose messages are refused."""

    def __init__(self, registry: Registry, states: RuleStates) -> None:
        self._registry = registry
        self._states = states
        self._round = Round(AT_ONCE)  # of those whose messages are refused, the most first

    async def watch(self, border: Border, now: datetime) -> None:
        """Raise the alarm of devices that send nothing usable, and end it where something usable came."""
        waiting, behind = border.asides.waiting(KIND), self._round.behind
        refused = await border.conn.fetch(SQL["refused_devices"], waiting, AT_ONCE, behind)
        back = await border.conn.fetch(SQL["readable_again"], waiting)
        await self._registry.load(border.conn, [row["device_id"] for row in (*refused, *back)])
        found = await self._find(border, refused, now)
        self._round.go_on(behind, len(refused), len(refused) - len(found))
        found += [
            Verdict(device, find_readable(device.profile))
            for device in (self._registry[row["device_id"]] for row in back)
        ]
        if found:
            await border.settle(found, _judge, _name)

    async def _find(self, border: Border, rows: Sequence[asyncpg.Record], now: datetime) -> list[Verdict]:
        found: list[Verdict] = []
        for row in rows:
            device = self._registry[row["device_id"]]
            refused = Refused(row["refused"], row["refused_since"], row["refused_reason"])
            try:
                finding = find_unreadable(device.profile, refused, now, self._states.parameters(device, now))
            except Exception as error:
                if not own_fault(error):
                    raise
                await border.asides.add(border.conn, Unit(KIND, device.profile.code, device.profile.area), error)
                continue
            if finding is not None:
                found.append(Verdict(device, finding))
        return found


async def _judge(page: Page, some: Sequence[Verdict]) -> None:
    raised = [item.device.id for item in some if item.finding.active]
    marked = {row["device_id"] for row in await page.conn.fetch(SQL["mark_unreadable"], raised, page.now)}
    due = [item for item in some if not item.finding.active or item.device.id in marked]
    await page.load([Key(device.place.subject, CODE) for device, _ in due])
    for device, finding in due:
        situation = Situation(out_of_service_until=device.place.out_of_service_until)
        page.take(Key(device.place.subject, CODE), finding, f"rule:{CODE}", device.place, situation)


def _name(item: Verdict) -> Unit:
    return Unit(KIND, item.device.profile.code, item.device.profile.area)
