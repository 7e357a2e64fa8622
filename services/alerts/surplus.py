"""When a device reports more than can be an alarm each: which of its fires those are, and how many other conditions.

Called by `fires` and `others`. Pure. Promises that no fire that a person pressed is surplus, that old fires and
fires of a test leave room for new ones, that surplus fires still count as evidence wherever they could make a
difference, and that the first of each code of other conditions is an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from services.alerts.rules.flooding import CODE
from services.core.alarms.fires.site import FireKey, SiteFires
from services.core.alarms.life.components import normal_component
from services.core.alarms.life.happenings import Evidence, EvidenceKind, Finding
from services.core.words import Part

ENOUGH_WITNESSES = 2  # of one device and sort, so that every fire has one that is not itself


class FireBound(NamedTuple):
    """How many new fires of one device within a period become an alarm each."""

    most: int
    within: timedelta


class FullDevice(NamedTuple):
    """A device whose new fires are surplus, as found when the last of them was judged."""

    until: datetime
    open_components: frozenset[str]

    def surely_counts(self, finding: Finding | None, now: datetime) -> bool:
        """Whether judging the finding will only count it: a new detector of a full device."""
        return (
            now < self.until
            and finding is not None
            and finding.active
            and not finding.manual
            and normal_component(finding.component) not in self.open_components
        )


class Room:
    """How many more alarms that are no fires the events of one device may open now; the first of each code always."""

    def __init__(self, most: int, within: timedelta) -> None:
        self.within = within
        self._left = most
        self._codes: set[str] = set()

    def fill(self, opened: int, codes: Iterable[str]) -> None:
        """Set how many were opened within the period, and which codes have an open alarm."""
        self._left -= opened
        self._codes.update(codes)

    def takes(self, code: str) -> bool:
        """Whether one more may be opened; if so, it is counted as opened."""
        if self._left <= 0 and code in self._codes:
            return False
        self._left -= 1
        self._codes.add(code)
        return True


def read_room(parameters: Mapping[str, Mapping[str, float]]) -> Room | None:
    """Return the bound in force on other conditions, as `read_bound` does for fires."""
    rule = parameters[CODE]
    return None if rule["enabled"] == 0 else Room(int(rule["others"]), timedelta(minutes=rule["fires_min"]))


def read_bound(parameters: Mapping[str, Mapping[str, float]]) -> FireBound | None:
    """Return the bound in force; None where the rule is switched off, because no alarm would report surplus fires."""
    rule = parameters[CODE]
    if rule["enabled"] == 0:
        return None
    return FireBound(int(rule["fires"]), timedelta(minutes=rule["fires_min"]))


def may_be_surplus(site: SiteFires, device: str, finding: Finding) -> bool:
    """Whether the bound applies at all: never to a fire that a person pressed, or that is open already."""
    if not finding.active or finding.manual:
        return False
    return FireKey(device, normal_component(finding.component)) not in site.alarms


def find_full(site: SiteFires, device: str, now: datetime, bound: FireBound) -> FullDevice | None:
    """Return the device as full when `bound.most` of its fires were opened lately; None while there is room.

    Fires of a test and others do not fill each other's room, and what a person pressed fills none.
    """
    if len(site.alarms) < bound.most:
        return None
    testing = is_tested(site, now)
    since = now - bound.within
    own = {key: alarm for key, alarm in site.alarms.items() if key.device == device}
    recent = sorted(
        alarm.opened_at
        for alarm in own.values()
        if alarm.opened_at > since and alarm.memory.tested is testing and not alarm.memory.manual
    )
    if len(recent) < bound.most:
        return None
    return FullDevice(recent[-bound.most] + bound.within, frozenset(key.component for key in own))


def evidence_of(finding: Finding, device: str, now: datetime) -> Evidence:
    """Return the evidence that a fire without an alarm of its own gives for the other fires of its site."""
    part = finding.part or Part.OTHER
    return Evidence(now, EvidenceKind.FIRE, device, finding.component, part, finding.reason)


def adds_evidence(site: SiteFires, item: Evidence, window: timedelta) -> bool:
    """Whether the site has too few fresh reports of the kind for every fire of it to find one beside its own."""
    tested = is_tested(site, item.at)
    alike = sum(
        (old.kind, old.device, old.part, old.tested) == (item.kind, item.device, item.part, tested)
        and old.at > item.at - window / 2
        for old in site.evidence
    )
    return alike < ENOUGH_WITNESSES


def is_tested(site: SiteFires, now: datetime) -> bool:
    """Whether the site is in a test window."""
    return site.test_until is not None and now < site.test_until
