"""Devices that fell silent, judged only while ingest could have heard them; many with one cause are one incident.

Called by the bench every second, with what `silent_devices` found. Promises that no device's silence counts while
ingest's own probes do not come back.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.alerts.border import Border
from services.alerts.incidents import SQL
from services.alerts.registry import Device, Registry
from services.alerts.round import Round
from services.alerts.rule_states import RuleStates
from services.alerts.rules.offline import Watermark, find_back, find_offline
from services.alerts.silent_groups import CODE, Fallen, group_silent
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key
from services.core.alarms.life.happenings import Finding, Situation
from services.core.aside import Unit, own_fault

KIND = "silence"  # of what is set aside
AT_ONCE = 500  # devices of one look


class Silent(NamedTuple):
    """A device that fell silent."""

    device: Device
    finding: Finding
    last_seen: datetime


class Heard(NamedTuple):
    """A device that is heard again."""

    device: Device


class Look(NamedTuple):
    """What a look through all devices found: how far was heard, and who may be silent for too long by then.

    It begins behind the first `behind` of them, those that are silent longest first.
    """

    mark: Watermark
    rows: Sequence[asyncpg.Record]
    behind: int = 0


class Silence:
    """The watch over silent devices."""

    def __init__(self, registry: Registry, states: RuleStates) -> None:
        self._registry = registry
        self._states = states
        self._look: Look | None = None
        self.round = Round(AT_ONCE)  # of those that may be silent, the longest first

    def take(self, look: Look) -> None:
        """Take over what the newest look found; it is judged at the bench's next turn."""
        self._look = look

    async def watch(self, border: Border, now: datetime) -> None:
        """Raise devices that fell silent, group those that belong together, and end those that are heard again."""
        found = await self._find(border, now)
        back = [row["device_id"] for row in await border.conn.fetch(SQL["back_again"], border.asides.waiting(KIND))]
        await self._registry.load(border.conn, back)
        items: list[Silent | Heard] = [*found, *(Heard(self._registry[device_id]) for device_id in back)]
        if items:
            await border.settle(items, self._judge, _name)

    async def _find(self, border: Border, now: datetime) -> list[Silent]:
        """Return the devices that are silent for too long."""
        look, self._look = self._look, None
        if look is None:
            return []
        mark, rows, behind = look
        await self._registry.load(border.conn, [row["id"] for row in rows])
        found: list[Silent] = []
        may_be = 0
        for row in rows:
            device = self._registry[row["id"]]
            try:
                parameters = self._states.parameters(device, now)
                finding = find_offline(device.profile, row["last_seen"], _mark_of(row, mark), parameters)
            except Exception as error:
                if not own_fault(error):
                    raise
                await border.asides.add(border.conn, _name(Heard(device)), error)
                continue
            if finding is not None:
                found.append(Silent(device, finding, row["last_seen"]))
            else:
                may_be += 1
        self.round.go_on(behind, len(rows), may_be)
        return found

    async def _judge(self, page: Page, some: Sequence[Silent | Heard]) -> None:
        silent = [item for item in some if isinstance(item, Silent)]
        back = [item.device for item in some if isinstance(item, Heard)]
        marked: set[int] = set()
        if silent:
            ids, seen = [item.device.id for item in silent], [item.last_seen for item in silent]
            marked = {row["device_id"] for row in await page.conn.fetch(SQL["mark_offline"], ids, seen)}
        raised = [item for item in silent if item.device.id in marked]
        if not raised and not back:
            return
        verdicts = [(item.device, item.finding) for item in raised]
        verdicts += [(device, find_back(device.profile)) for device in back]
        await page.load([Key(device.place.subject, CODE) for device, _ in verdicts])
        for device, finding in verdicts:
            situation = Situation(out_of_service_until=device.place.out_of_service_until)
            page.take(Key(device.place.subject, CODE), finding, "clock", device.place, situation)
        if raised:
            await group_silent(page, self._registry, [Fallen(item.device, item.last_seen) for item in raised])


def _mark_of(row: asyncpg.Record, mark: Watermark) -> Watermark:
    """Return how far a device was heard: one of a township with a system of its own, by that system too."""
    if row["heard_until"] is None:
        return mark
    return mark.within(Watermark(row["heard_since"] or mark.since, row["heard_until"]))


def _name(item: Silent | Heard) -> Unit:
    return Unit(KIND, item.device.profile.code, item.device.profile.area)
