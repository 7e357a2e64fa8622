"""Open and ended findings over files or over the past: alarms without a ledger. Pure.

Used by `firetower evaluate`, by `firetower backtest` and by trials of a rule's numbers.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from services.alerts.detectors.finding import EarlyWarning, Place
from services.core.alarms.life.causes import cause_of, causes_left
from services.core.alarms.life.components import is_named, normal_component, same_component
from services.core.alarms.life.conditions import OUR_OWN_KNOWLEDGE
from services.core.alarms.life.happenings import Finding, Reset
from services.core.words import Reason, Severity


class Turn(StrEnum):
    """What a finding did to its alarm."""

    RAISE = "raise"
    RISE = "rise"
    CLEAR = "clear"


_Key = tuple[str, str, str]  # device, area or network, code, component as components are compared


class _Standing(NamedTuple):
    """An open finding, and what has to end before it is over."""

    told: dict[str, Any]
    causes: frozenset[str]


class Findings:
    """Open and ended findings: one open alarm per (device or area, code, component)."""

    def __init__(self, places: dict[str, Place | None]) -> None:
        self._places = places
        self._open: dict[_Key, _Standing] = {}
        self._all: list[dict[str, Any]] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all)

    def take_rule(self, at: datetime, finding: Finding) -> bool:
        """Take a rule's verdict; True when it opened or ended an alarm."""
        return self.turn(at, finding) in {Turn.RAISE, Turn.CLEAR}

    def turn(self, at: datetime, finding: Finding) -> Turn | None:
        """Take a rule's verdict; return what that did to the alarm, None: nothing but to confirm it.

        It rises when it grows worse, or when something else is found under the same code.
        """
        subject = finding.device or f"area:{finding.area}"
        key = subject, finding.code, normal_component(finding.component)
        standing = self._open.get(key)
        if not finding.active:
            if standing is None or finding.latched:
                return None
            left = causes_left(standing.causes, finding)
            if left:
                self._open[key] = standing._replace(causes=left)
                return None
            return Turn.CLEAR if self._end(key, at) else None
        if standing is not None:
            rises = cause_of(finding) not in standing.causes or _is_worse(finding.severity, standing)
            self._open[key] = standing._replace(causes=standing.causes | {cause_of(finding)})
        else:
            rises = False
        begins = self._begin(
            key,
            at,
            cause_of(finding),
            finding.severity,
            finding.reason,
            device=finding.device,
            area=finding.area or "",
            members=[finding.device] if finding.device else [],
            location=_location(self._places.get(finding.device or "")),
        )
        if begins:
            return Turn.RAISE
        return Turn.RISE if rises else None

    def take_early(self, warning: EarlyWarning) -> None:
        """Take a detector's verdict."""
        key = warning.device or f"network:{warning.group}", warning.code, ""
        if not warning.active:
            self._end(key, warning.at)
            return
        self._begin(
            key,
            warning.at,
            warning.code,
            warning.severity,
            warning.reason,
            device=warning.device,
            area=warning.area,
            members=list(warning.members),
            location=_location(warning.place),
        )

    def join(self, area: str, code: str, member: str) -> None:
        """Add another member to an open alarm of the area."""
        standing = self._open.get((f"area:{area}", code, ""))
        if standing is not None and member not in standing.told["members"]:
            standing.told["members"].append(member)

    def reset(self, reset: Reset, at: datetime) -> set[str]:
        """End the conditions that the device, or one component of it, reported; return their codes."""
        ended: set[str] = set()
        for key in [key for key in self._open if key[0] == reset.device and key[1] not in OUR_OWN_KNOWLEDGE]:
            if not is_named(reset.component) or same_component(reset.component, key[2]):
                self._end(key, at)
                ended.add(key[1])
        return ended

    def document(self) -> list[dict[str, Any]]:
        """Return all findings in order of time."""
        return sorted(self._all, key=lambda item: (item["raised_at"], item["code"], item["device"] or "", item["area"]))

    def _begin(self, key: _Key, at: datetime, cause: str, severity: Severity, reason: Reason, **where: object) -> bool:
        standing = self._open.get(key)
        if standing is not None:
            if _is_worse(severity, standing):
                standing.told["severity"] = str(severity)
            return False
        item = {
            "raised_at": at,
            "cleared_at": None,
            "device": where["device"],
            "code": key[1],
            "severity": str(severity),
            "area": where["area"],
            "members": where["members"],
            "location": where["location"],
            "reason": reason.zh,
            "reason_en": reason.en,
        }
        self._open[key] = _Standing(item, frozenset({cause}))
        self._all.append(item)
        return True

    def _end(self, key: _Key, at: datetime) -> bool:
        standing = self._open.pop(key, None)
        if standing is None:
            return False
        standing.told["cleared_at"] = at
        return True


def _is_worse(severity: Severity, standing: _Standing) -> bool:
    return severity.rank > Severity(standing.told["severity"]).rank


def _location(place: Place | None) -> dict[str, float] | None:
    return None if place is None else {"lon": place.lon, "lat": place.lat}
