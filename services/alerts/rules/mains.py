"""Many hydrants of an area losing pressure together: one `mains_event` (contract 8).

Called by `alerts.mains` for every pressure finding that opened, reopened or ended an alarm. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from services.core.alarms.life.happenings import Finding
from services.core.rules.catalog import RULES
from services.core.rules.parameters import DEFAULTS, Parameters
from services.core.words import Reason

MEMBER_CODES: Final = frozenset({"hydrant_pressure_low", "hydrant_pressure_drop"})


class MainsSays(NamedTuple):
    """What one member's finding means for the area.

    `member`: this alarm belongs to the event, whose notice speaks for it: step it with `Situation.grouped`.
    `finding` begins or ends the area's own alarm; while one stands, it begins another event. `joined` are the devices
    whose alarms came first: tell them `Grouped`; what they have already told the desk they will also take back.
    """

    member: bool
    finding: Finding | None = None
    joined: tuple[str, ...] = ()


_ALONE: Final = MainsSays(member=False)


class MainsWatch:
    """The pressure alarms of one area: those of the last minutes, and the members of the event if one stands."""

    def __init__(self, area: str, parameters: Parameters = DEFAULTS) -> None:
        self.area = area
        self.obey(parameters["mains_event"])
        self._recent: dict[tuple[str, str], datetime] = {}
        self._members: set[tuple[str, str]] = set()
        self._newest: datetime | None = None

    def obey(self, numbers: Mapping[str, float]) -> None:
        """Judge by these numbers of the rule from now on."""
        self._on = numbers["enabled"] != 0
        self._devices = int(numbers["devices"])
        self._within = timedelta(minutes=numbers["within_min"])
        self._join = timedelta(minutes=numbers["join_min"])

    @property
    def active(self) -> bool:
        """Whether an event stands."""
        return bool(self._members)

    def is_long_ago(self, at: datetime) -> bool:
        """Whether the newest member of the last event came so long before `at` that others are another event."""
        return self._newest is not None and at - self._newest > self._join

    def end(self) -> None:
        """Forget the members of an event that a person has ended: more of them are an event again."""
        self._members.clear()

    def began(self, device: str, code: str, at: datetime) -> MainsSays:
        """Take a pressure alarm that opened, or came back, at our time `at`.

        A hydrant that stays dry does not keep others from being another event weeks later.
        """
        if not self._on or code not in MEMBER_CODES:
            return _ALONE
        self._recent = {who: seen for who, seen in self._recent.items() if at - seen <= self._within}
        self._recent[device, code] = at
        if self.active and self._newest is not None and at - self._newest <= self._join:
            self._newest = at
            self._members.add((device, code))
            return MainsSays(member=True)
        fresh = self._recent.keys() - self._members
        devices = {name for name, _ in fresh}
        if len(devices) < self._devices:
            return _ALONE
        self._newest = at
        self._members = set(fresh)
        return MainsSays(member=True, finding=self._begin(len(devices)), joined=tuple(sorted(devices - {device})))

    def ended(self, device: str, code: str) -> MainsSays:
        """Take a pressure alarm that returned, was cleared or dismissed; the last member ends the event."""
        self._recent.pop((device, code), None)
        if (device, code) not in self._members:
            return _ALONE
        self._members.discard((device, code))
        if self._members:
            return MainsSays(member=True)
        reason = Reason("所有成员水压恢复", "all members have their pressure back")
        return MainsSays(member=True, finding=self._finding(reason, None, active=False))

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {
            "recent": [[*who, seen.isoformat()] for who, seen in self._recent.items()],
            "members": sorted(self._members),
            "newest": None if self._newest is None else self._newest.isoformat(),
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over a state that `to_json` saved."""
        self._recent = {(device, code): datetime.fromisoformat(seen) for device, code, seen in saved["recent"]}
        self._members = {(device, code) for device, code in saved["members"]}
        self._newest = None if saved["newest"] is None else datetime.fromisoformat(saved["newest"])

    def _begin(self, devices: int) -> Finding:
        minutes = self._within.total_seconds() / 60
        reason = Reason(
            f"{minutes:g} 分钟内 {devices} 个消火栓失压，疑似管网故障",
            f"{devices} hydrants lost pressure within {minutes:g} min: a fault of the mains?",
        )
        return self._finding(reason, float(devices), active=True)

    def _finding(self, reason: Reason, value: float | None, *, active: bool) -> Finding:
        rule = RULES["mains_event"]
        return Finding(
            code=rule.code,
            category=rule.category,
            severity=rule.severity,
            reason=reason,
            active=active,
            area=self.area,
            value=value,
            limit=float(self._devices),
            cause=rule.code,
        )
