"""The rules of a level sensor: too low, too high, battery (contract 8).

Called by `walk.DeviceRules`, once per reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.alerts.rules.battery import BatteryRule
from services.alerts.rules.kind import KindRules
from services.alerts.rules.latch import NOTHING, RAISE
from services.alerts.rules.model import DeviceProfile, Reading
from services.alerts.rules.parameters import Parameters
from services.core.alarms.happenings import Finding
from services.core.alarms.words import Reason
from services.core.bounds import plain_number

_FIELDS: Final = (("level_pct", "%"), ("level_m", "m"))
_SPELLINGS: Final = {
    ("level_pct", "low"): ("level_pct_low", "level_low_pct", "low_pct", "level_low"),
    ("level_pct", "high"): ("level_pct_high", "level_high_pct", "high_pct", "level_high"),
    ("level_m", "low"): ("level_m_low", "level_low_m", "low_m"),
    ("level_m", "high"): ("level_m_high", "level_high_m", "high_m"),
}
"""How a registry may name the limits of a device; the first spelling is ours."""


class _Bound(NamedTuple):
    field: str
    unit: str
    limit: float
    inside: float  # how far inside the limit the level must be again


class WaterRules(KindRules):
    """Level against the device's own limits, in percent, in metres, or both."""

    codes = ("water_level_low", "water_level_high", "battery_low")
    fields = ("level_pct", "level_m", "battery_pct")

    def __init__(self, device: DeviceProfile, parameters: Parameters) -> None:
        super().__init__(device, parameters)
        self._bounds = {
            side: _bounds(device.limits, parameters[f"water_level_{side}"], side) for side in ("low", "high")
        }
        self._counts = {side: self.count(f"water_level_{side}") for side in ("low", "high")}
        self._on = {side: self.is_on(f"water_level_{side}") for side in ("low", "high")}
        self._battery = BatteryRule(self)

    def feed(self, reading: Reading, ts: datetime, found: list[Finding], *, live: bool) -> None:
        """Take one reading in order; only a live one may turn a condition."""
        for side in ("low", "high"):
            if self._on[side]:
                self._feed_side(side, reading, ts, found, live=live)
        battery = reading.get("battery_pct")
        if battery is not None:
            self._battery.feed(battery, ts, found, live=live)

    def _feed_side(self, side: str, reading: Reading, ts: datetime, found: list[Finding], *, live: bool) -> None:
        sign = 1.0 if side == "low" else -1.0
        worst: tuple[float, float, _Bound] | None = None
        calm = True
        for bound in self._bounds[side]:
            level = reading.get(bound.field)
            if level is None:
                continue
            beyond = sign * (bound.limit - level)
            calm = calm and beyond <= -bound.inside
            if worst is None or beyond > worst[0]:
                worst = (beyond, level, bound)
        if worst is None:
            return
        beyond, level, bound = worst
        count = self._counts[side]
        turned = self.latches[f"water_level_{side}"].feed(count, 1, hit=beyond > 0, calm=calm, live=live)
        if turned == NOTHING:
            return
        if turned == RAISE:
            zh, en = ("低于", "below") if side == "low" else ("高于", "above")
            reason = Reason(
                f"水位 {level:g} {bound.unit}，{zh} {bound.limit:g} {bound.unit}",
                f"level {level:g} {bound.unit}, {en} {bound.limit:g} {bound.unit}",
            )
        else:
            reason = Reason(f"水位恢复到 {level:g} {bound.unit}", f"level back at {level:g} {bound.unit}")
        found.append(self.finding(f"water_level_{side}", ts, reason, level, bound.limit, active=turned == RAISE))


def _bounds(limits: Mapping[str, Any], parameters: Mapping[str, float], side: str) -> tuple[_Bound, ...]:
    """Return the bounds in force: percent always (default of the rule), metres only where the device has a limit."""
    inside = parameters["inside_pct"]
    bounds = []
    for field, unit in _FIELDS:
        limit = _limit(limits, field, side)
        if limit is None and field == "level_pct":
            limit = parameters[f"{side}_pct"]
        if limit is not None:
            bounds.append(_Bound(field, unit, limit, inside if unit == "%" else abs(limit) * inside / 100))
    return tuple(bounds)


def _limit(limits: Mapping[str, Any], field: str, side: str) -> float | None:
    nested = limits.get(field)
    names = _SPELLINGS[field, side]
    given = [nested.get(side) if isinstance(nested, Mapping) else None, *(limits.get(name) for name in names)]
    return next((number for value in given if (number := plain_number(value)) is not None), None)
