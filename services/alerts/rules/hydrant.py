"""The rules of a hydrant, water crane or draw point (contract 8).

Called by `walk.DeviceRules`, once per reading: a few microseconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from services.alerts.rules.battery import BatteryRule
from services.alerts.rules.kind import KindRules
from services.alerts.rules.latch import CLEAR, RAISE
from services.alerts.rules.model import Reading
from services.alerts.rules.pressure import LONG_AGO, PressureRules
from services.core.alarms.life.happenings import Finding
from services.core.rules.parameters import Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason

_NEVER: Final = ((LONG_AGO, 0), (LONG_AGO, 0))


class Kept:
    """The newest value of a field, good for a while where a later reading leaves the field out; and the one before."""

    __slots__ = ("_for", "_newest")

    def __init__(self, keep_for: timedelta) -> None:
        self._for = keep_for
        self._newest = _NEVER

    def take(self, value: Any, ts: datetime) -> Any:
        """Return `value`, or for None the one that was kept at this time, or 0 when that is too old."""
        newest = self._newest
        if value is None:
            for at, kept in newest:
                if at <= ts:  # what was said later was not so then
                    return kept if ts - at <= self._for else 0
            return 0
        if ts >= newest[0][0]:
            self._newest = (ts, value), newest[0]
        return value

    def is_old(self, ts: datetime) -> bool:
        """Whether nothing that was said counts any more."""
        return ts - self._newest[0][0] > self._for

    def forget(self, since: datetime) -> None:
        """Forget what was said from `since` on: it comes again."""
        while self._newest != _NEVER and self._newest[0][0] >= since:
            self._newest = self._newest[1], _NEVER[1]

    def to_json(self) -> list[Any]:
        """Return times and values."""
        (at, value), (before_at, before) = self._newest
        return [at.isoformat(), value, before_at.isoformat(), before]

    def load(self, saved: list[Any]) -> None:
        """Take over what `to_json` saved; an older release kept the newest only."""
        at, value, before_at, before = (*saved, LONG_AGO.isoformat(), 0)[:4]
        self._newest = (datetime.fromisoformat(at), value), (datetime.fromisoformat(before_at), before)


class HydrantRules(KindRules):
    """Pressure against flow, sudden falls, use, cap, tilt, cold and battery.

    Flow, cap and water presence that a reading leaves out are taken from an earlier one, but no older than the
    lateness bound: after that the hydrant counts as at rest and closed, which asks for more pressure, not less.
    """

    codes = (
        "hydrant_pressure_low",
        "hydrant_pressure_high",
        "hydrant_pressure_drop",
        "hydrant_in_use",
        "hydrant_cap_open",
        "hydrant_tilt",
        "hydrant_freezing",
        "battery_low",
    )
    fields = (
        "pressure_mpa",
        "flow_lps",
        "cap_open",
        "water_present",
        "tilt_deg",
        "water_temp_c",
        "battery_pct",
    )

    def __init__(self, device: DeviceProfile, parameters: Parameters) -> None:
        super().__init__(device, parameters)
        self._pressure = PressureRules(self)
        self._use_on = self.is_on("hydrant_in_use")
        self._use = self.latches["hydrant_in_use"]
        self._use_lps = parameters["hydrant_in_use"]["flow_lps"]
        self._use_calm = self.count("hydrant_in_use", "clear_readings")
        self._cap_on = self.is_on("hydrant_cap_open")
        self._cap = self.latches["hydrant_cap_open"]
        self._cap_count = self.count("hydrant_cap_open")
        self._tilt_on = self.is_on("hydrant_tilt")
        self._tilt = self.latches["hydrant_tilt"]
        self._tilt_deg = parameters["hydrant_tilt"]["tilt_deg"]
        self._tilt_count = self.count("hydrant_tilt")
        self._cold_on = self.is_on("hydrant_freezing")
        self._cold = self.latches["hydrant_freezing"]
        self._cold_c = parameters["hydrant_freezing"]["cold_c"]
        self._warm_c = parameters["hydrant_freezing"]["clear_c"]
        self._celsius_at: datetime | None = None  # when a temperature was last said; None: not known
        self._battery = BatteryRule(self)
        self._flow, self._cap_open, self._water = (Kept(device.late_after) for _ in range(3))

    def feed(self, reading: Reading, ts: datetime, found: list[Finding], *, live: bool) -> None:
        """Take one reading in order; only a live one may turn a condition."""
        get = reading.get
        flow, cap, water = get("flow_lps"), get("cap_open"), get("water_present")
        says_use = flow is not None or cap is not None or water is not None
        if cap is not None and self._cap_on:
            self._feed_cap(cap, ts, found, live=live)
        flow = self._flow.take(flow, ts)
        cap = self._cap_open.take(cap, ts)
        water = self._water.take(water, ts)
        flowing = flow > self._use_lps
        # use that is said no more ends once what was said is too old to count: a meter may have died
        said_no_more = self._use.active and self._flow.is_old(ts) and self._cap_open.is_old(ts)
        if self._use_on and (says_use or said_no_more):
            self._feed_use(ts, flow, found, used=flowing or bool(cap and water), live=live)
        pressure = get("pressure_mpa")
        if pressure is not None:
            self._pressure.feed(pressure, ts, found, flowing=flowing, drawn=flowing or cap, live=live)
        tilt = get("tilt_deg")
        if tilt is not None and self._tilt_on:
            self._feed_tilt(tilt, ts, found, live=live)
        temperature = get("water_temp_c")
        if temperature is not None and self._cold_on:
            self._feed_cold(temperature, ts, found, live=live)
        self._note_cold(temperature, ts, found, live=live)
        battery = get("battery_pct")
        if battery is not None:
            self._battery.feed(battery, ts, found, live=live)

    def feed_past(self, reading: Reading, ts: datetime) -> None:
        """Take a reading too old to count among those in a row."""
        pressure = reading.get("pressure_mpa")
        if pressure is not None and (reading.get("flow_lps") or 0.0) <= self._use_lps:
            self._pressure.feed_past(pressure, ts)

    def tick(self, now: datetime, found: list[Finding]) -> None:
        """Stop following an old fall."""
        self._pressure.tick(now, found)

    def restart_counts(self, since: datetime) -> None:
        """Forget what was counted, not what stands; of what is kept what was said from `since` on."""
        super().restart_counts(since)
        for kept in (self._flow, self._cap_open, self._water):
            kept.forget(since)
        if self._celsius_at is not None:
            self._celsius_at = min(self._celsius_at, since)

    def forget(self, code: str) -> None:
        """Let the condition of `code` be over until readings show it again."""
        super().forget(code)
        if code == "hydrant_pressure_drop":
            self._pressure.forget_drop()

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        kept = [kept.to_json() for kept in (self._flow, self._cap_open, self._water)]
        celsius_at = self._celsius_at and self._celsius_at.isoformat()
        return {**super().to_json(), "pressure": self._pressure.to_json(), "kept": kept, "celsius_at": celsius_at}

    def load(self, saved: dict[str, Any]) -> None:
        """Take over a state that `to_json` saved."""
        super().load(saved)
        self._pressure.load(saved["pressure"])
        for kept, state in zip((self._flow, self._cap_open, self._water), saved["kept"], strict=True):
            kept.load(state)
        celsius_at = saved.get("celsius_at")  # an older release did not save it
        self._celsius_at = None if celsius_at is None else datetime.fromisoformat(celsius_at)

    def _feed_use(self, ts: datetime, flow: float, found: list[Finding], *, used: bool, live: bool) -> None:
        turned = self._use.feed(1, self._use_calm, hit=used, calm=not used, live=live)
        if turned == RAISE:
            if flow > self._use_lps:
                reason = Reason(f"出水流量 {flow:g} L/s", f"flow of {flow:g} L/s")
            else:
                reason = Reason("闷盖打开且栓内有水", "cap open with water present")
            found.append(self.finding("hydrant_in_use", ts, reason, flow, self._use_lps))
        elif turned == CLEAR:
            reason = Reason("用水停止", "no more water drawn")
            found.append(self.finding("hydrant_in_use", ts, reason, flow, self._use_lps, active=False))

    def _feed_cap(self, cap_open: bool, ts: datetime, found: list[Finding], *, live: bool) -> None:
        count = self._cap_count
        turned = self._cap.feed(count, count, hit=cap_open, calm=not cap_open, live=live)
        if turned == RAISE:
            reason = Reason("闷盖打开", "the cap is open")
            found.append(self.finding("hydrant_cap_open", ts, reason, None, None))
        elif turned == CLEAR:
            reason = Reason("闷盖关闭", "the cap is closed")
            found.append(self.finding("hydrant_cap_open", ts, reason, None, None, active=False))

    def _feed_tilt(self, tilt: float, ts: datetime, found: list[Finding], *, live: bool) -> None:
        limit, count = self._tilt_deg, self._tilt_count
        turned = self._tilt.feed(count, count, hit=tilt >= limit, calm=tilt < limit, live=live)
        if turned == RAISE:
            reason = Reason(f"倾斜 {tilt:g}°，达到 {limit:g}°，可能被撞", f"tilted {tilt:g}°, at or above {limit:g}°")
            found.append(self.finding("hydrant_tilt", ts, reason, tilt, limit))
        elif turned == CLEAR:
            reason = Reason(f"倾斜恢复到 {tilt:g}°", f"upright again at {tilt:g}°")
            found.append(self.finding("hydrant_tilt", ts, reason, tilt, limit, active=False))

    def _feed_cold(self, celsius: float, ts: datetime, found: list[Finding], *, live: bool) -> None:
        limit = self._cold_c
        turned = self._cold.feed(1, 1, hit=celsius < limit, calm=celsius > self._warm_c, live=live)
        if turned == RAISE:
            reason = Reason(
                f"水温 {celsius:g} °C，低于 {limit:g} °C，有冻结危险", f"water at {celsius:g} °C, below {limit:g} °C"
            )
            found.append(self.finding("hydrant_freezing", ts, reason, celsius, limit))
        elif turned == CLEAR:
            reason = Reason(f"水温回升到 {celsius:g} °C", f"water back at {celsius:g} °C")
            found.append(self.finding("hydrant_freezing", ts, reason, celsius, limit, active=False))

    def _note_cold(self, celsius: float | None, ts: datetime, found: list[Finding], *, live: bool) -> None:
        """End a cold that is said no more once it is too old to count: a probe may have died in winter."""
        at = self._celsius_at
        if celsius is not None or at is None:
            self._celsius_at = ts if at is None else max(at, ts)
            return
        if not self._cold.active or ts - at <= self.device.lasts:
            return
        if self._cold.feed(1, 1, hit=False, calm=True, live=live) == CLEAR:
            reason = Reason("很久没有水温读数，不再按此判断", "no temperature for long: no longer judged by it")
            found.append(self.finding("hydrant_freezing", ts, reason, None, self._cold_c, active=False))
