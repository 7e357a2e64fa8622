"""Ends what a rule no longer judges and no message would end: silence and refused messages. Called by the bench.

Readings' own alarms end with their rules (`rules/walk.py`). Promises that whatever still holds is found again when the
rule is switched on: it is then as if it had not been noticed yet.
"""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from services.alerts.border import Border
from services.alerts.registry import Device, Registry
from services.alerts.rule_states import RuleStates
from services.alerts.rules.kind import OFF
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key
from services.core.alarms.life.happenings import Finding
from services.core.aside import Unit
from services.core.clock import Clock
from services.core.rules.catalog import RULES
from services.core.statements import load_queries

SQL = load_queries(__file__)
EVERY_S = 60.0
CODES = ("device_offline", "device_unreadable")
KIND = "switched off"  # of what is set aside


class Over(NamedTuple):
    """An alarm of a device whose rule is off."""

    device: Device
    code: str


class SwitchedOff:
    """Looks when a number of a rule has changed, and once a minute: a device may move to where the rule is off."""

    def __init__(self, registry: Registry, states: RuleStates, clock: Clock) -> None:
        self._registry = registry
        self._states = states
        self._clock = clock
        self._looked: tuple[int, float] = (-1, 0.0)

    async def watch(self, border: Border) -> None:
        """End what stands of a rule that is off for its device."""
        newest, monotonic = self._states.newest_override, self._clock.monotonic()
        known, at = self._looked
        codes = self._states.switched_off(CODES)
        if not codes or (newest == known and monotonic - at < EVERY_S):
            return
        self._looked = newest, monotonic
        rows = await border.conn.fetch(SQL["standing"], codes)
        await self._registry.load(border.conn, {row["device_id"] for row in rows})
        over = [Over(self._registry[row["device_id"]], row["code"]) for row in rows if self._is_off(row)]
        if over:
            await border.settle(over, _end, _name)

    def _is_off(self, row: asyncpg.Record) -> bool:
        parameters = self._states.parameters(self._registry[row["device_id"]], self._clock.now())
        return parameters[row["code"]]["enabled"] == 0


async def _end(page: Page, some: Sequence[Over]) -> None:
    keys = [Key(one.device.place.subject, one.code) for one in some]
    await page.load(keys)
    for key, (device, code) in zip(keys, some, strict=True):
        rule, profile = RULES[code], device.profile
        finding = Finding(
            code, rule.category, rule.severity, OFF, active=False, device=profile.code, area=profile.area, cause=code
        )
        page.take(key, finding, f"rule:{code}", device.place)
    for code in CODES:
        await page.conn.execute(SQL[f"forget_{code}"], [one.device.id for one in some if one.code == code])


def _name(item: Over) -> Unit:
    return Unit(KIND, f"{item.device.profile.code} {item.code}", item.device.profile.area)
