"""The battery rule, shared by hydrants and level sensors."""

from __future__ import annotations

from datetime import datetime

from services.alerts.rules.kind import KindRules
from services.alerts.rules.latch import NOTHING, RAISE
from services.core.alarms.life.happenings import Finding
from services.core.words import Reason


class BatteryRule:
    """Battery below its limit, within the walker that owns the latch `battery_low`."""

    def __init__(self, owner: KindRules) -> None:
        self._owner = owner
        self._latch = owner.latches["battery_low"]
        self._low_pct = owner.parameters["battery_low"]["low_pct"]
        self._clear_pct = owner.parameters["battery_low"]["clear_pct"]
        self._on = owner.is_on("battery_low")

    def feed(self, percent: float, ts: datetime, found: list[Finding], *, live: bool) -> None:
        """Take one value in order; only a live one may turn the condition."""
        if not self._on:
            return
        limit = self._low_pct
        turned = self._latch.feed(1, 1, hit=percent < limit, calm=percent > self._clear_pct, live=live)
        if turned == NOTHING:
            return
        if turned == RAISE:
            reason = Reason(f"电量 {percent:g}%，低于 {limit:g}%", f"battery at {percent:g} %, below {limit:g} %")
        else:
            reason = Reason(f"电量恢复到 {percent:g}%", f"battery back at {percent:g} %")
        found.append(self._owner.finding("battery_low", ts, reason, percent, limit, active=turned == RAISE))
