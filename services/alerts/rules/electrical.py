"""The rules of an electrical fire monitor (contract 8).

Called by `walk.DeviceRules`, once per reading.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from services.alerts.rules.kind import KindRules
from services.alerts.rules.latch import CLEAR, NOTHING, RAISE, Latch
from services.alerts.rules.model import Reading
from services.alerts.rules.phases import Held
from services.core.alarms.life.happenings import Finding
from services.core.rules.parameters import Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason, Severity

_TEMPERATURES: Final = (("temp_a_c", "A"), ("temp_b_c", "B"), ("temp_c_c", "C"), ("temp_n_c", "N"))
_VOLTAGES: Final = (("voltage_a_v", "A"), ("voltage_b_v", "B"), ("voltage_c_v", "C"))
_CURRENTS: Final = (("current_a_a", "A"), ("current_b_a", "B"), ("current_c_a", "C"))
_Phases = list[tuple[float, str]]


class ElectricalRules(KindRules):
    """Residual current, cable temperature, arcs, voltage and current."""

    codes = ("residual_current_high", "cable_temperature_high", "overvoltage", "undervoltage", "overcurrent")
    fields = (
        "residual_current_ma",
        "arc_count",
        *(name for group in (_TEMPERATURES, _VOLTAGES, _CURRENTS) for name, _ in group),
    )

    def __init__(self, device: DeviceProfile, parameters: Parameters) -> None:
        super().__init__(device, parameters)
        self._on = {code: self.is_on(code) for code in (*self.codes, "arc_fault")}
        self._on["overcurrent"] = self._on["overcurrent"] and device.rated_current_a is not None
        self._residual_on, self._cable_on = self._on["residual_current_high"], self._on["cable_temperature_high"]
        self._current_on = self._on["overcurrent"]
        self._residual_latch = self.latches["residual_current_high"]
        self._cable_latch = self.latches["cable_temperature_high"]
        residual = parameters["residual_current_high"]
        self._residual = residual["high_ma"], residual["critical_ma"], residual["clear_ma"]
        self._last_ma: list[float] = []
        self._was_ended = False  # by a person since the last reading, perhaps after a repair
        cable = parameters["cable_temperature_high"]
        self._cable = cable["high_c"], cable["critical_c"], cable["clear_c"]
        self._cable_count = self.count("cable_temperature_high")
        self._arcs = parameters["arc_fault"]["arcs"]
        self._high_v = parameters["overvoltage"]["high_v"]
        self._low_v = parameters["undervoltage"]["low_v"]
        self._rated_a = device.rated_current_a or 0.0
        self._held = {code: Held(device.late_after) for code in ("cable_temperature_high", *_NAMES)}
        self._counts = {code: (self.count(code), self.count(code, "clear_readings")) for code in _NAMES}

    def feed(self, reading: Reading, ts: datetime, found: list[Finding], *, live: bool) -> None:
        """Take one reading in order; only a live one may turn a condition."""
        get = reading.get
        residual = get("residual_current_ma")
        if residual is not None and self._residual_on:
            self._feed_residual(residual, ts, found, live=live)
        if self._cable_on:
            phases = _present(reading, _TEMPERATURES)
            if phases:
                self._feed_cable(phases, ts, found, live=live)
        phases = _present(reading, _VOLTAGES)
        if phases:
            self._feed_limit("overvoltage", phases, self._high_v, ts, found, below=False, live=live)
            self._feed_limit("undervoltage", phases, self._low_v, ts, found, below=True, live=live)
        if not self._current_on:
            return
        phases = _present(reading, _CURRENTS)
        if phases:
            self._feed_limit("overcurrent", phases, self._rated_a, ts, found, below=False, live=live)

    def feed_each(self, reading: Reading, ts: datetime, found: list[Finding]) -> None:
        """Report arcs at whatever reading: latched, so that a repeat changes nothing and none can be missed."""
        arcs = reading.get("arc_count")
        if arcs is None or arcs < self._arcs or not self._on["arc_fault"]:
            return
        reason = Reason(
            f"1 秒内 {arcs} 个电弧半波，达到 {self._arcs:g}", f"{arcs} arc half-cycles in 1 s, limit {self._arcs:g}"
        )
        found.append(self.finding("arc_fault", ts, reason, float(arcs), self._arcs))

    def watches(self, name: str) -> bool:
        """Whether readings still turn the latch `name`: no current is judged without the rated one."""
        return self._on[name]

    def restart_counts(self, since: datetime) -> None:
        """Forget what was counted, not what stands; of phases what was said from `since` on."""
        super().restart_counts(since)
        self._last_ma = []
        for held in self._held.values():
            held.forget(since)

    def forget(self, code: str) -> None:
        """Let the condition of `code` be over until readings show it again."""
        super().forget(code)
        if code == "residual_current_high":
            self._was_ended = True

    def forget_counts(self, name: str) -> None:
        """Let the latch `name` begin anew, with nothing counted for it."""
        super().forget_counts(name)
        if name == "residual_current_high":
            self._last_ma.clear()

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        held = {code: held.to_json() for code, held in self._held.items() if held.at}
        return {**super().to_json(), "last_ma": self._last_ma, "was_ended": self._was_ended, "held": held}

    def load(self, saved: dict[str, Any]) -> None:
        """Take over a state that `to_json` saved."""
        super().load(saved)
        self._last_ma = list(saved["last_ma"])
        self._was_ended = bool(saved.get("was_ended", False))  # a state of an older release has none, nor phases
        for code, phases in saved.get("held", {}).items():
            self._held[code].load(phases)

    def _feed_residual(self, milliampere: float, ts: datetime, found: list[Finding], *, live: bool) -> None:
        last = self._last_ma
        if self._was_ended and milliampere < self._residual[0]:
            last.clear()  # it was repaired: the readings before would raise it once more
        self._was_ended = False
        last.append(milliampere)
        if len(last) > 3:
            del last[0]
        if len(last) < 3:
            return
        median = sorted(last)[1]
        limit, critical, clear = self._residual
        latch = self._residual_latch
        turned = latch.feed(1, 1, hit=median >= limit, calm=median < clear, live=live)
        if turned == NOTHING and not latch.active:
            return
        if turned == CLEAR:
            reason = Reason(f"剩余电流回落到 {median:g} mA", f"residual current back at {median:g} mA")
            found.append(self.finding("residual_current_high", ts, reason, median, limit, active=False))
            return
        severity = _worsened(latch, turned, live=live, critical=median >= critical)
        if severity is not None:
            limit = critical if severity is Severity.CRITICAL else limit
            reason = Reason(
                f"剩余电流 {median:g} mA（3 次中位值），达到 {limit:g} mA",
                f"residual current {median:g} mA (median of 3), at or above {limit:g} mA",
            )
            found.append(self.finding("residual_current_high", ts, reason, median, limit, severity=severity))

    def _feed_cable(self, phases: _Phases, ts: datetime, found: list[Finding], *, live: bool) -> None:
        celsius, phase = phases[0] if len(phases) == 1 else max(phases)
        limit, critical, clear = self._cable
        latch, held = self._cable_latch, self._held["cable_temperature_high"]
        # what is usual costs nothing: all that is named is fine, and so was all else
        if held.at or celsius >= clear:
            others = held.by_others([name for _, name in phases], [name for c, name in phases if c >= clear], ts)
            if others and celsius < limit:
                return
        turned = latch.feed(self._cable_count, 1, hit=celsius >= limit, calm=celsius < clear, live=live)
        if turned == NOTHING and not latch.active:
            return
        if turned == CLEAR:
            reason = Reason(f"线缆温度回落到 {celsius:g} °C", f"cables back at {celsius:g} °C")
            found.append(self.finding("cable_temperature_high", ts, reason, celsius, limit, active=False))
            return
        severity = _worsened(latch, turned, live=live, critical=celsius >= critical)
        if severity is not None:
            limit = critical if severity is Severity.CRITICAL else limit
            reason = Reason(
                f"{phase} 相线缆 {celsius:g} °C，达到 {limit:g} °C",
                f"phase {phase} cable at {celsius:g} °C, at or above {limit:g} °C",
            )
            found.append(self.finding("cable_temperature_high", ts, reason, celsius, limit, severity=severity))

    def _feed_limit(
        self,
        code: str,
        phases: _Phases,
        limit: float,
        ts: datetime,
        found: list[Finding],
        *,
        below: bool,
        live: bool,
    ) -> None:
        if not self._on[code]:
            return
        value, phase = min(phases) if below else max(phases)
        hit = value < limit if below else value > limit
        latch, held = self.latches[code], self._held[code]
        if held.at or hit:
            bad = [name for one, name in phases if (one < limit if below else one > limit)]
            if held.by_others([name for _, name in phases], bad, ts) and not hit:
                return
        need, calm = self._counts[code]
        turned = latch.feed(need, calm, hit=hit, calm=not hit, live=live)
        if turned == NOTHING:
            return
        name, unit = _NAMES[code]
        if turned == RAISE:
            zh, en = ("低于", "below") if below else ("高于", "above")
            reason = Reason(
                f"{phase} 相{name.zh} {value:g} {unit}，{zh} {limit:g} {unit}",
                f"phase {phase} {name.en} {value:g} {unit}, {en} {limit:g} {unit}",
            )
        else:
            reason = Reason(f"{name.zh}恢复到 {value:g} {unit}", f"{name.en} back at {value:g} {unit}")
        found.append(self.finding(code, ts, reason, value, limit, active=turned == RAISE))


_NAMES: Final = {
    "overvoltage": (Reason("电压", "voltage"), "V"),
    "undervoltage": (Reason("电压", "voltage"), "V"),
    "overcurrent": (Reason("电流", "current"), "A"),
}


def _present(reading: Reading, fields: tuple[tuple[str, str], ...]) -> _Phases:
    get, phases = reading.get, []
    for name, phase in fields:
        value = get(name)
        if value is not None:
            phases.append((value, phase))
    return phases


def _worsened(latch: Latch, turned: int, *, live: bool, critical: bool) -> Severity | None:
    """Return the severity to report if the condition began or became critical, else None; it never falls back."""
    if turned == RAISE:
        latch.critical = critical
        return Severity.CRITICAL if critical else Severity.MAJOR
    if live and latch.active and critical and not latch.critical:
        latch.critical = True
        return Severity.CRITICAL
    return None
