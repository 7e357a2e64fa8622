"""When water will freeze: judged by its cooling over the last hours and, where measured, by the air around it.

Source: Newton's law of cooling. With air below freezing, T(t) = A + (T0 - A) exp(-t / tau), tau from the last hours'
slope; without air temperature the slope is extended. Cost: a dozen operations every ten minutes at most. Cold start:
three hours.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import repeat
from math import log
from operator import mul
from typing import Final

from services.alerts.detectors.finding import EarlyWarning, Place, Reading, tell_since
from services.core.rules.catalog_early import EARLY, NUMBERS, Numbers
from services.core.words import Reason

_STEP_S: Final = 600.0
_WINDOW_S: Final = 3 * 3600
_IN_A_ROW: Final = 3
_LASTS_S: Final = 25 * 3600  # as the rules remember a temperature; no hydrant takes longer to freeze


class CoolingDetector:
    """One hydrant's or basin's water."""

    MEMORY: Final = ("_past", "_hits", "_calm", "_standing")

    def __init__(self, code: str, area: str, place: Place | None, numbers: Numbers = NUMBERS) -> None:
        self._code, self._area, self._place = code, area, place
        self._numbers = numbers["freeze_forecast"]
        self._past_s, self._past_c = array("d"), array("d")  # a tenth of what as many pairs of objects take
        self._hits = 0
        self._calm = 0
        self._standing = False

    def take(self, at_s: float, reading: Reading) -> list[EarlyWarning]:
        """Take one reading in order of time."""
        water = reading.get("water_temp_c")
        past_s, past_c = self._past_s, self._past_c
        if water is None and self._standing and past_s and at_s - past_s[-1] > _LASTS_S:  # a probe may have died
            self._standing = False
            reason = Reason("很久没有水温读数，不再按此判断", "no temperature for long: no longer judged by it")
            return [self._say(at_s, reason, active=False)]
        if water is None or (past_s and at_s - past_s[-1] < _STEP_S):
            return []
        if past_s and at_s - past_s[-1] > 6 * 3600:
            del past_s[:], past_c[:]
        past_s.append(at_s)
        past_c.append(water)
        while len(past_s) > 2 and at_s - past_s[1] >= _WINDOW_S:  # three hours are enough
            del past_s[0], past_c[0]
        if at_s - past_s[0] < 2.5 * 3600 and not self._standing:
            return []
        hours = self._hours_left(water, reading.get("air_temp_c"))
        ahead = self._numbers["ahead_h"]
        near = hours is not None and hours <= ahead
        far = hours is None or hours > 2 * ahead
        self._hits = self._hits + 1 if near else 0
        self._calm = self._calm + 1 if far else 0
        if self._hits >= _IN_A_ROW and not self._standing:
            self._standing = True
            left = hours or 0.0
            air = reading.get("air_temp_c")
            sure = "fair" if air is None else "high"
            end = tell_since(datetime.fromtimestamp(at_s, UTC), sure)
            freezes = self._numbers["freezes_c"]
            reason = Reason(
                f"水温 {water:.1f} °C，按其降温速度约 {left:.0f} 小时后降至 {freezes:g} °C 结冰{end.zh}",
                f"water at {water:.1f} °C freezes at {freezes:g} °C in about {left:.0f} h as it cools{end.en}",
            )
            said = self._say(at_s, reason, active=True)
            return [said._replace(expected=freezes, seen=round(float(water), 2), unit="°C", sure=sure)]
        if self._calm >= _IN_A_ROW * 2 and self._standing:
            self._standing = False
            return [self._say(at_s, Reason("不再有冻结趋势", "no longer expected to freeze"), active=False)]
        return []

    def water_c(self, at_s: float) -> float | None:
        """Return the last temperature of its water (°C), None where there is none of the last 25 h."""
        known = bool(self._past_s) and at_s - self._past_s[-1] <= _LASTS_S
        return self._past_c[-1] if known else None

    def _hours_left(self, water: float, air: float | None) -> float | None:
        """Return the hours until it freezes; None: not foreseeable."""
        freezes = self._numbers["freezes_c"]
        if water <= freezes:
            return 0.0
        if water > self._numbers["from_c"]:
            return None
        slope = self._slope_k_per_h()
        if slope > -self._numbers["least_k_per_h"]:
            return None
        if air is None:
            return (water - freezes) / -slope
        if air >= freezes:
            return None
        tau_h = (water - air) / -slope
        return tau_h * log((water - air) / (freezes - air))

    def _slope_k_per_h(self) -> float:
        """Return the least-squares slope of the window."""
        count = len(self._past_s)
        middle_s = sum(self._past_s) / count
        middle_c = sum(self._past_c) / count
        away_s = [at - middle_s for at in self._past_s]
        spread = sum(map(pow, away_s, repeat(2)))
        if spread == 0:
            return 0.0
        both: float = sum(map(mul, away_s, [value - middle_c for value in self._past_c]))
        return 3600 * both / spread

    @property
    def _past(self) -> list[tuple[float, float]]:
        """Seconds and °C of the window, as they are remembered."""
        return list(zip(self._past_s, self._past_c, strict=True))

    @_past.setter
    def _past(self, pairs: Iterable[tuple[float, float]]) -> None:
        listed = list(pairs)
        self._past_s = array("d", [at_s for at_s, _ in listed])
        self._past_c = array("d", [celsius for _, celsius in listed])

    def _say(self, at_s: float, reason: Reason, *, active: bool) -> EarlyWarning:
        at = datetime.fromtimestamp(at_s, UTC)
        severity = EARLY["freeze_forecast"].severity
        return EarlyWarning(
            "freeze_forecast", at, severity, self._area, reason, active, self._code, (self._code,), self._place
        )
