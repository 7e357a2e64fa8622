"""Turns detectors' findings into alarms: one for each event, raised once however often it is reported.

Called by the bench between its other stages; only the bench changes alarms. Promises that a warning repeated after a
restart changes nothing, and that an alarm that a person closed comes back only when it grows worse or begins anew.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from services.alerts.border import Border
from services.alerts.detectors.finding import EarlyWarning
from services.alerts.incidents import name_of_area
from services.alerts.registry import Registry
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding, Situation
from services.core.aside import Unit
from services.core.metrics import FINDINGS
from services.core.rules.catalog_early import EARLY
from services.core.statements import load_queries
from services.core.words import Reason

SQL = load_queries(__file__)
AT_ONCE = 10  # a few round trips each, in one transaction: fires wait for it
MOST_HELD = 1000
KIND = "early"  # of what is set aside


class Said(NamedTuple):
    """A warning, with its cell, and its device if it has one."""

    cell: str
    device_id: int | None
    warning: EarlyWarning


class EarlyAlarms:
    """Warnings that wait for the bench."""

    def __init__(self, registry: Registry) -> None:
        self.waiting: deque[Said] = deque()
        self._held: deque[Said] = deque(maxlen=MOST_HELD)  # set aside, or about the same alarm as one that is
        self._registry = registry

    def has_of(self, cell: str) -> bool:
        """Whether some finding of a cell is no alarm yet."""
        return any(said.cell == cell for said in (*self.waiting, *self._held))

    async def judge_waiting(self, border: Border) -> bool:
        """Step alarms by the waiting warnings; True when there were any."""
        self._take_up_held(border)
        some = self._next()
        if not some:
            return False
        await self._registry.load(border.conn, [said.device_id for said in some if said.device_id is not None])
        await border.settle(some, self._judge, _name)
        for said in some:
            self.waiting.popleft()
            if _waits(border, said):
                self._held.append(said)
            else:
                FINDINGS.labels(said.warning.code).inc()
        return True

    def _next(self) -> list[Said]:
        """Return some waiting warnings, one per alarm: if it fails, later ones of that alarm must not overtake it."""
        some: dict[str, Said] = {}
        for said in islice(self.waiting, AT_ONCE):
            if some.setdefault(_name(said).name, said) is not said:
                break
        return list(some.values())

    def _take_up_held(self, border: Border) -> None:
        """Try warnings that were set aside again when they are due; those of the same alarm keep their order."""
        held, self._held = [*self._held], deque(maxlen=MOST_HELD)
        due = [said for said in held if not _waits(border, said)]
        self._held.extend(said for said in held if _waits(border, said))
        names = {_name(said).name for said in self._held}
        behind = [said for said in self.waiting if _name(said).name in names] if names else []
        if due or behind:
            self._held.extend(behind)
            self.waiting = deque([*due, *(said for said in self.waiting if said not in behind)])

    async def _judge(self, page: Page, some: Sequence[Said]) -> None:
        places = [await self._place(page, said) for said in some]
        keys = [
            Key(place.subject, said.warning.code, "" if said.device_id is not None else said.warning.group)
            for said, place in zip(some, places, strict=True)
        ]
        await page.load(keys)
        for said, place, key in zip(some, places, keys, strict=True):
            await _take(page, said, place, key)

    async def _place(self, page: Page, said: Said) -> Place:
        if said.device_id is not None:
            return self._registry[said.device_id].place
        area = said.warning.area
        return Place(f"area:{area}", area=area, name=await name_of_area(page.conn, area))


async def _take(page: Page, said: Said, place: Place, key: Key) -> None:
    warning = said.warning
    if not warning.active:
        number = await page.conn.fetchval(SQL["end"], *key, warning.at)
    else:
        spot = warning.place
        number = await page.conn.fetchval(
            SQL["begin"], said.cell, warning.device, warning.area, *key, warning.severity, warning.at,
            list(warning.members), spot and spot.lon, spot and spot.lat, warning.expected, warning.seen, warning.unit,
            warning.sure,
        )  # fmt: skip
        if number is None:
            number = await page.conn.fetchval(SQL["rise"], *key, warning.severity, warning.expected, warning.seen)
    if number is None:  # known already, or over
        return
    incident = await _incident_of(page, warning, place) if warning.active else None
    page.take(
        key,
        _finding(warning, key),
        f"rule:{key.code}",
        place,
        Situation(incident_id=incident, out_of_service_until=place.out_of_service_until),
    )
    entry = page.open.get(key)
    if warning.active and entry is not None:
        await page.conn.execute(SQL["name_alarm"], number, entry.id)


async def _incident_of(page: Page, warning: EarlyWarning, place: Place) -> str | None:
    """Return the incident of an event of the mains: the one of hydrants whose pressure is low already, or a new one.

    A later `mains_event` finds it by its members: one event is one incident.
    """
    if warning.device is not None:
        return None
    number = await page.conn.fetchval(SQL["mains_incident"], list(warning.members))
    if number is None:
        title = Reason(f"{place.name} 疑似爆管或大量用水", f"A burst or a large draw in {place.name}?")
        number = await page.begin_incident("mains", place.subject, title, warning.area)
    return str(number)


def _finding(warning: EarlyWarning, key: Key) -> Finding:
    return Finding(
        code=key.code,
        category=EARLY[key.code].category,
        severity=warning.severity,
        reason=warning.reason,
        active=warning.active,
        device=warning.device,
        area=warning.area,
        component=key.component,
        value=warning.seen,
        limit=warning.expected,
        cause=key.code,
        ts=warning.at,
    )


def _waits(border: Border, said: Said) -> bool:
    unit = _name(said)
    return border.asides.waits(unit.kind, unit.name)


def _name(said: Said) -> Unit:
    who = said.warning.device or said.warning.group
    return Unit(KIND, f"{who} {said.warning.code}", said.warning.area, detail={"cell": said.cell})
