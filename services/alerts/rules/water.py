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
from services.alerts.rules.model import Reading
from services.core.alarms.life.happenings import Finding
from services.core.levels import EMPTY_M, full_height_m, level_limit, level_pct
from services.core.rules.parameters import Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason

_FIELDS: Final = (("level_pct", "%"), ("level_m", "m"))
_FILLED_M: Final = 0.05
"""A tank that was empty holds water again: a hand's breadth above the noise of a sensor."""


class _Bound(NamedTuple):
    field: str
    unit: str
    limit: float
    inside: float  # how far inside the limit the level must be again
    alone: bool = False  # counts only while there is no level in per cent


class WaterRules(KindRules):
    """Level against the device's own limits, in percent, in metres, or both.

    Metres give per cent where the height of the full tank is known; where nothing is known, 0 m is still empty.
    """

    codes = ("water_level_low", "water_level_high", "battery_low")
    fields = ("level_pct", "level_m", "battery_pct")

    def __init__(self, device: DeviceProfile, parameters: Parameters) -> None:
        super().__init__(device, parameters)
        self._bounds = {
            side: _bounds(device.limits, parameters[f"water_level_{side}"], side) for side in ("low", "high")
        }
        self._counts = {side: self.count(f"water_level_{side}") for side in ("low", "high")}
        self._on = {side: self.is_on(f"water_level_{side}") for side in ("low", "high")}
        self._full_m = full_height_m(device.limits)
        self._battery = BatteryRule(self)

    def feed(self, reading: Reading, ts: datetime, found: list[Finding], *, live: bool) -> None:
        """Take one reading in order; only a live one may turn a condition."""
        level_m = reading.get("level_m")
        levels = {"level_pct": level_pct(reading.get("level_pct"), level_m, self._full_m), "level_m": level_m}
        for side in ("low", "high"):
            if self._on[side]:
                self._feed_side(side, levels, ts, found, live=live)
        battery = reading.get("battery_pct")
        if battery is not None:
            self._battery.feed(battery, ts, found, live=live)

    def _feed_side(
        self, side: str, levels: Mapping[str, float | None], ts: datetime, found: list[Finding], *, live: bool
    ) -> None:
        sign = 1.0 if side == "low" else -1.0
        worst: tuple[float, float, _Bound] | None = None
        calm = True
        for bound in self._bounds[side]:
            level = levels[bound.field]
            if level is None or (bound.alone and levels["level_pct"] is not None):
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
    """Return the bounds in force: percent always (default of the rule), metres by the device's limit, or empty."""
    inside = parameters["inside_pct"]
    bounds = []
    for field, unit in _FIELDS:
        limit = level_limit(limits, field, side)
        if limit is None and field == "level_pct":
            limit = parameters[f"{side}_pct"]
        if limit is not None:
            bounds.append(_Bound(field, unit, limit, inside if unit == "%" else abs(limit) * inside / 100))
    if side == "low" and level_limit(limits, "level_m", "low") is None:
        bounds.append(_Bound("level_m", "m", EMPTY_M, _FILLED_M - EMPTY_M, alone=True))
    return tuple(bounds)
