"""Ageing insulation and hot joints: residual current and temperature above what load explains.

Source: reference note, section 11; GB 50116-2013 9.2.3 for the limit that is foreseen. Load is the sum of the phase
currents, with its past half-hour and hour (cables warm slowly) and their squares; without currents the hour of the
day takes its place. Cost: two regressions a slot of five minutes or more. Cold start: `learn_days`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import cos, pi, sin
from typing import Any, Final

from services.alerts.detectors.catalogue import EARLY, NUMBERS
from services.alerts.detectors.excess import Excess
from services.alerts.detectors.finding import EarlyWarning, Place
from services.core.words import Reason, Severity

SLOT_S: Final = 300
_DAY_S: Final = 86_400
_TEMPERATURES: Final = ("temp_a_c", "temp_b_c", "temp_c_c")
_CURRENTS: Final = ("current_a_a", "current_b_a", "current_c_a")
_CALM_H: Final = 6
_LAGS_S: Final = (1800.0, 5400.0)


class WiringDetector:
    """One electrical monitor."""

    def __init__(self, code: str, area: str, place: Place | None, expected_interval_s: float) -> None:
        self._code, self._area, self._place = code, area, place
        self._slot_s = max(SLOT_S, int(min(expected_interval_s, 3600)))
        day = _DAY_S // self._slot_s
        self._calm_slots = _CALM_H * 3600 / self._slot_s
        self._quantities = {
            "insulation_ageing": Excess(6, day, 2.0),
            "joint_heating": Excess(7, day, 0.3),
        }
        self._number: int | None = None
        self._milliamperes: list[float] = []
        self._celsius: list[float] = []
        self._amperes: list[float] = []
        self._slow = [0.0, 0.0]
        self._scale = 1.0
        self._standing: dict[str, Severity] = {}
        self._calm: dict[str, int] = {}
        self._hits: dict[str, int] = {}

    def take(self, at_s: float, reading: Mapping[str, Any]) -> list[EarlyWarning]:
        """Take one reading in order of time."""
        number = int(at_s // self._slot_s)
        found: list[EarlyWarning] = []
        if self._number is not None and number > self._number:
            self._close((self._number + 1) * self._slot_s, found)
        if self._number is None or number > self._number:
            self._number = number
        get = reading.get
        residual = get("residual_current_ma")
        if residual is not None:
            self._milliamperes.append(residual)
        hottest = max((value for name in _TEMPERATURES if (value := get(name)) is not None), default=None)
        if hottest is not None:
            self._celsius.append(hottest)
        drawn = [value for name in _CURRENTS if (value := get(name)) is not None]
        if drawn:
            self._amperes.append(sum(drawn))
        return found

    def _close(self, ended_s: int, found: list[EarlyWarning]) -> None:
        angle = 2 * pi * (ended_s % _DAY_S) / _DAY_S
        hour = [sin(angle), cos(angle)]
        load = 0.0
        if self._amperes:
            load = sum(self._amperes) / len(self._amperes)
            self._scale = max(self._scale, load)
            load /= self._scale
        for place, lag_s in enumerate(_LAGS_S):
            self._slow[place] += min(1.0, self._slot_s / lag_s) * (load - self._slow[place])
        near, far = self._slow
        if self._milliamperes:
            value = sorted(self._milliamperes)[len(self._milliamperes) // 2]
            self._judge("insulation_ageing", [1.0, load, near, load * load, *hour], value, ended_s, found)
        if self._celsius:
            value = sorted(self._celsius)[len(self._celsius) // 2]
            self._judge("joint_heating", [1.0, near, far, near * near, far * far, *hour], value, ended_s, found)
        self._milliamperes.clear()
        self._celsius.clear()
        self._amperes.clear()

    def _judge(self, code: str, causes: list[float], value: float, ended_s: int, found: list[EarlyWarning]) -> None:
        numbers = NUMBERS[code]
        excess = self._quantities[code]
        excess.take(causes, value, numbers.get("outlier_sigmas", 20.0))
        if excess.days < numbers["learn_days"]:
            return
        electric = code == "insulation_ageing"
        limit = max(numbers["sigmas"] * excess.spread, numbers["least_ma" if electric else "least_k"])
        often = electric and excess.outlier_share > numbers["outlier_share"]
        hit = excess.above > limit or often
        self._hits[code] = self._hits.get(code, 0) + 1 if hit else 0
        standing = self._standing.get(code)
        legal = numbers["legal_ma" if electric else "legal_c"]
        reaches = value + max(0.0, excess.trend_h) * numbers["ahead_h"] >= legal and excess.above > limit
        severity = Severity.MAJOR if reaches else EARLY[code].severity
        if self._hits[code] >= 3 and (standing is None or severity.rank > standing.rank):
            self._standing[code], self._calm[code] = severity, 0
            found.append(self._say(code, ended_s, severity, excess, value, often=often))
        elif standing is not None:
            calm = excess.above < limit / 2 and not often
            self._calm[code] = self._calm[code] + 1 if calm else 0
            if self._calm[code] >= self._calm_slots:
                del self._standing[code]
                found.append(self._say(code, ended_s, standing, excess, value, often=False, active=False))

    def _say(
        self,
        code: str,
        ended_s: int,
        severity: Severity,
        excess: Excess,
        value: float,
        *,
        often: bool,
        active: bool = True,
    ) -> EarlyWarning:
        unit = "mA" if code == "insulation_ageing" else "°C"
        sure = "高" if excess.above > 2 * NUMBERS[code]["sigmas"] * excess.spread else "中"
        sure_en = "high" if sure == "高" else "fair"
        if not active:
            reason = Reason(f"{EARLY[code].zh}：已回到预期", f"{code.replace('_', ' ')}: back to what load explains")
        elif often:
            reason = Reason(
                f"间歇性超出：一天内 {excess.outlier_share:.0%} 的时段远高于负荷所能解释，把握{sure}",
                f"intermittent: {excess.outlier_share:.0%} of a day far above what load explains, confidence {sure_en}",
            )
        else:
            reason = Reason(
                f"按负荷预期 {excess.expected:.1f} {unit}，实测 {value:.1f} {unit}，"
                f"平滑超出 {excess.above:.1f}，把握{sure}",
                f"{excess.expected:.1f} {unit} expected for its load, {value:.1f} {unit} seen, smoothed excess "
                f"{excess.above:.1f}, confidence {sure_en}",
            )
        at = datetime.fromtimestamp(ended_s, UTC)
        return EarlyWarning(code, at, severity, self._area, reason, active, self._code, (self._code,), self._place)
