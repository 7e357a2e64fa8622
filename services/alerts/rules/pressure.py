"""The pressure rules of a hydrant: too low for its use, too high, fallen (contract 8).

Part of the hydrant walker.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.alerts.rules.drop import EXACT, PressureWindow
from services.alerts.rules.kind import KindRules
from services.alerts.rules.latch import CLEAR, NOTHING, RAISE
from services.core.alarms.life.happenings import Finding
from services.core.words import Reason

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class PressureRules:
    """Pressure against limit, flow and its own past, within the walker that owns the latches."""

    def __init__(self, owner: KindRules) -> None:
        self._finding = owner.finding
        low, high, drop = (owner.parameters[f"hydrant_pressure_{name}"] for name in ("low", "high", "drop"))
        self._low_on, self._high_on, self._drop_on = (
            owner.is_on(f"hydrant_pressure_{name}") for name in ("low", "high", "drop")
        )
        self._low, self._high, self._drop = (
            owner.latches[f"hydrant_pressure_{name}"] for name in ("low", "high", "drop")
        )
        self._static = low["static_mpa"], low["static_clear_mpa"]
        self._flowing = low["flowing_mpa"], low["flowing_clear_mpa"]
        self._dead_mpa = low["dead_mpa"]
        self._low_count = owner.count("hydrant_pressure_low")
        self._high_mpa, self._high_clear_mpa = high["high_mpa"], high["clear_mpa"]
        self._high_count = owner.count("hydrant_pressure_high")
        self._drop_mpa, self._back_mpa = drop["drop_mpa"], drop["back_mpa"]
        self._drop_window = timedelta(minutes=drop["window_min"])
        self._drop_forget = timedelta(hours=drop["forget_h"])
        self._window = PressureWindow()
        self._before_mpa = 0.0
        self._fell_at = LONG_AGO
        self._flowed_at = LONG_AGO

    def feed(self, mpa: float, ts: datetime, found: list[Finding], *, flowing: bool, drawn: bool, live: bool) -> None:
        """Take one pressure in order. `flowing`: water flows; `drawn`: it flows or the cap is open."""
        if self._low_on:
            self._feed_low(mpa, ts, found, drawn=drawn, live=live)
        if self._high_on:
            self._feed_high(mpa, ts, found, live=live)
        if self._drop_on:
            self._feed_drop(mpa, ts, found, flowing=flowing, live=live)

    def feed_past(self, mpa: float, ts: datetime) -> None:
        """Let a pressure at rest from further back count as one from which the hydrant fell."""
        if ts > self._flowed_at and not self._drop.active:
            self._window.add(ts, mpa)

    def tick(self, now: datetime, found: list[Finding]) -> None:
        """Stop following an old fall."""
        if self._drop.active and now - self._fell_at >= self._drop_forget:
            self._stop_following(now, None, found)

    def forget_drop(self) -> None:
        """Compare with nothing older than the next pressure."""
        self._window = PressureWindow()

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {
            "window": self._window.to_json(),
            "before_mpa": self._before_mpa,
            "fell_at": self._fell_at.isoformat(),
            "flowed_at": self._flowed_at.isoformat(),
        }

    def load(self, saved: dict[str, Any]) -> None:
        """Take over a state that `to_json` saved."""
        self._window.load(saved["window"])
        self._before_mpa = saved["before_mpa"]
        self._fell_at = datetime.fromisoformat(saved["fell_at"])
        self._flowed_at = datetime.fromisoformat(saved["flowed_at"])

    def _feed_low(self, mpa: float, ts: datetime, found: list[Finding], *, drawn: bool, live: bool) -> None:
        limit, clear = self._flowing if drawn else self._static
        dead = mpa < self._dead_mpa
        if dead and mpa >= limit:  # whoever sets it above the limit wants to know at once
            limit = self._dead_mpa
        need = 1 if dead else self._low_count
        turned = self._low.feed(need, self._low_count, hit=mpa < limit, calm=mpa > clear, live=live)
        if turned == NOTHING:
            return
        zh, en = ("出水", "in use") if drawn else ("静止", "at rest")
        if turned == RAISE:
            reason = Reason(f"{zh}水压 {mpa:.3f} MPa，低于 {limit:g} MPa", f"{mpa:.3f} MPa {en}, below {limit:g} MPa")
        else:
            reason = Reason(f"水压恢复到 {mpa:.3f} MPa", f"back to {mpa:.3f} MPa {en}")
        found.append(self._finding("hydrant_pressure_low", ts, reason, mpa, limit, active=turned == RAISE))

    def _feed_high(self, mpa: float, ts: datetime, found: list[Finding], *, live: bool) -> None:
        limit = self._high_mpa
        turned = self._high.feed(self._high_count, 1, hit=mpa > limit, calm=mpa < self._high_clear_mpa, live=live)
        if turned == RAISE:
            reason = Reason(f"水压 {mpa:.3f} MPa，高于 {limit:g} MPa", f"{mpa:.3f} MPa, above {limit:g} MPa")
            found.append(self._finding("hydrant_pressure_high", ts, reason, mpa, limit))
        elif turned == CLEAR:
            reason = Reason(f"水压回落到 {mpa:.3f} MPa", f"back to {mpa:.3f} MPa")
            found.append(self._finding("hydrant_pressure_high", ts, reason, mpa, limit, active=False))

    def _feed_drop(self, mpa: float, ts: datetime, found: list[Finding], *, flowing: bool, live: bool) -> None:
        if flowing:
            self._flowed_at = max(ts, self._flowed_at)
            self._window.forget(ts)
        else:  # also while a fall is followed: the next one is from where this one came back to
            self._window.add(ts, mpa)
        if not live:
            return
        if self._drop.active:
            if self._before_mpa - mpa <= self._back_mpa + EXACT:
                why = Reason(f"水压恢复到 {mpa:.3f} MPa", f"back to {mpa:.3f} MPa")
                self._end_drop(ts, mpa, found, why)
            elif ts - self._fell_at >= self._drop_forget:
                self._stop_following(ts, mpa, found)
            return
        before = None if flowing else self._window.highest(ts - self._drop_window)
        if before is not None and before - mpa > self._drop_mpa + EXACT:
            self._drop.active = True
            self._before_mpa, self._fell_at = before, ts
            minutes = self._drop_window.total_seconds() / 60
            reason = Reason(
                f"未出水而水压在 {minutes:g} 分钟内由 {before:.3f} 降到 {mpa:.3f} MPa",
                f"fell from {before:.3f} to {mpa:.3f} MPa within {minutes:g} min without flow",
            )
            found.append(self._finding("hydrant_pressure_drop", ts, reason, mpa, before - self._drop_mpa))

    def _stop_following(self, ts: datetime, mpa: float | None, found: list[Finding]) -> None:
        self._window.forget(self._fell_at)  # it was told: what stood before it is not fallen from again
        self._end_drop(ts, mpa, found, _NO_LONGER)

    def _end_drop(self, ts: datetime, mpa: float | None, found: list[Finding], why: Reason) -> None:
        self._drop.forget()
        found.append(self._finding("hydrant_pressure_drop", ts, why, mpa, None, active=False))


_NO_LONGER = Reason("跟踪时间已到，不再跟踪", "no longer followed")
