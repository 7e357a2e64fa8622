"""Applies fires, and the resets that end them, to their sites, within one transaction. Called by `events`.

Promises that a flood of one device costs almost nothing once it is only counted, and that every manual alarm is judged.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from services.alerts.flooding import note_surplus
from services.alerts.registry import Device
from services.alerts.rules.model import Effect
from services.alerts.surplus import (
    ENOUGH_WITNESSES,
    FullDevice,
    adds_evidence,
    evidence_of,
    find_full,
    may_be_surplus,
    read_bound,
)
from services.core.alarms.fires.site import SiteFires
from services.core.alarms.ledger.page import Page
from services.core.alarms.life.components import normal_component
from services.core.alarms.life.happenings import Finding, Tick
from services.core.words import FIRE, Part

ParametersOf = Callable[[Device, datetime], Mapping[str, Mapping[str, float]]]


class FireJudge:
    """Judges the fires of one page."""

    def __init__(self, page: Page, parameters_of: ParametersOf) -> None:
        self.full: dict[str, FullDevice] = {}  # devices found full on this page
        self.senders: set[str] = set()  # devices judged on this page
        self._page = page
        self._parameters_of = parameters_of
        self._surplus: Counter[int] = Counter()
        self._witnesses: dict[tuple[str, Part], set[str]] = {}  # surplus components looked at as evidence, by sort

    async def judge(self, device: Device, effect: Effect, received_at: datetime) -> None:
        """Step the fires of the device's site by an event of the first pass."""
        page, scope, code = self._page, device.place.scope, device.profile.code
        self.senders.add(code)
        if effect.reset is not None or (effect.finding is not None and not effect.finding.active):
            await self._end_tests(device, received_at)
        if effect.finding is not None and effect.finding.code == FIRE:
            site = await page.load_scope(scope, [device.id])
            if self._is_surplus(site, device, effect.finding):
                await self._count(site, device, effect.finding)
            else:
                fire = replace(effect.finding, received_at=received_at)
                await page.take_fire(scope, fire, "event", device.place)
        if effect.reset is not None:
            site = await page.load_scope(scope, [device.id])
            if any(key.device == code for key in site.alarms):
                await page.take_fire(scope, effect.reset, "event", device.place)

    async def note(self) -> None:
        """Record how many fires have no alarm of their own."""
        await note_surplus(self._page, fires=self._surplus)

    async def _end_tests(self, device: Device, at: datetime) -> None:
        """Let a test window that was over by `at` end first: a fire that outlasted it gets a clock (contract 6)."""
        site = await self._page.load_scope(device.place.scope, [device.id])
        ends = (alarm.memory.test_until for alarm in site.alarms.values())
        if any(end is not None and end <= at for end in ends):
            await self._page.take_fire(device.place.scope, Tick(), "clock", None)

    def _is_surplus(self, site: SiteFires, device: Device, finding: Finding) -> bool:
        code = device.profile.code
        if not may_be_surplus(site, code, finding):
            return False
        if code not in self.full:
            bound = read_bound(self._parameters_of(device, self._page.now))
            full = None if bound is None else find_full(site, code, self._page.now, bound)
            if full is None:
                return False
            self.full[code] = full
        return True

    async def _count(self, site: SiteFires, device: Device, finding: Finding) -> None:
        """Count a surplus fire. The first few of each sort also count as evidence for the site's other fires."""
        self._surplus[device.id] += 1
        code = device.profile.code
        item = evidence_of(finding, code, self._page.now)
        witnesses = self._witnesses.setdefault((code, item.part), set())
        component = normal_component(finding.component)
        if component in witnesses or len(witnesses) >= ENOUGH_WITNESSES:
            return
        witnesses.add(component)
        if adds_evidence(site, item, timedelta(seconds=self._page.policies.alarm.evidence_window_s)):
            await self._page.take_fire(device.place.scope, item, "event", device.place)
