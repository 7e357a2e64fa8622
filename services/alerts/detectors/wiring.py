"""Ageing insulation and hot joints of one circuit: what explains its residual current and temperature.

Source: design study. Load is the sum of the phase currents; cables and joints warm slowly and with its
square, so its past half-hour and the past of its square are causes too, and the hour of the day. Without currents the
hour alone explains residual current, and joints say nothing. A phase that a reading leaves out counts as it was last
named, as for rules: devices send what has changed, or a message for each phase. Cost: an `Excess` a slot of five
minutes or more, a `Heating` a quarter of an hour. Cold start: `learn_days`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import cos, gcd, pi, sin
from typing import Final

from services.alerts.detectors.course import Expected
from services.alerts.detectors.excess import Excess
from services.alerts.detectors.finding import EarlyWarning, Place, Reading
from services.alerts.detectors.heating import Heating
from services.alerts.detectors.standing import Standing
from services.core.rules.catalog_early import NUMBERS, Numbers

SLOT_S: Final = 300
_JOINT_SLOT_S: Final = 900  # half of the shortest lag
_DAY_S: Final = 86_400
_MOST: Final = 1000  # readings of one kind until they are judged: once a second, a quarter of an hour
_SCALE_A: Final = 100.0  # makes causes of the order of one
_NO_CELSIUS: Final = (None,) * 4
_NO_AMPERES: Final = (None,) * 3
_CELSIUS, _AMPERES, _PHASES = 0, 4, 7  # places of what is kept of each phase
_NEVER_S: Final = -1e9
_SHORT_S: Final = 1800.0
_LONG_S: Final = 7200.0


class WiringDetector:
    """One electrical monitor."""

    MEMORY: Final = (
        "_insulation",
        "_joint",
        "_number",
        "_milliamperes",
        "_celsius",
        "_amperes",
        "_values",
        "_named_s",
        "_load",
        "_load_short",
        "_square_short",
        "_square_long",
    )

    def __init__(  # noqa: PLR0917 - who it is, and what it is judged by
        self,
        code: str,
        area: str,
        place: Place | None,
        expected_interval_s: float,
        numbers: Numbers = NUMBERS,
        keep_s: float = 600.0,
    ) -> None:
        self._slot_s = max(SLOT_S, int(min(expected_interval_s, 3600)))
        self._joint_slots = max(1, _JOINT_SLOT_S // self._slot_s)
        day = _DAY_S // self._slot_s
        self._hours = _hours(self._slot_s)
        self._short, self._long = min(1.0, self._slot_s / _SHORT_S), min(1.0, self._slot_s / _LONG_S)
        joint_day = day // self._joint_slots
        ageing = Excess(6, day, 2.0, numbers["insulation_ageing"]["outlier_sigmas"])
        where = area, code, place
        self._insulation = Standing("insulation_ageing", ageing, day, where, numbers["insulation_ageing"])
        heating = Heating(5, joint_day)
        self._joint = Standing("joint_heating", heating, joint_day, where, numbers["joint_heating"])
        self._number: int | None = None
        self._milliamperes: list[float] = []
        self._celsius: list[float] = []
        self._amperes: list[float] = []
        self._keep_s = keep_s
        self._values = [0.0] * _PHASES  # the last of each
        self._named_s = [_NEVER_S] * _PHASES  # and when a reading named it
        self._load = 0.0
        self._load_short = 0.0
        self._square_short = 0.0
        self._square_long = 0.0

    def take(self, at_s: float, reading: Reading) -> list[EarlyWarning]:
        """Take one reading in order of time."""
        number = int(at_s // self._slot_s)
        found: list[EarlyWarning] = []
        if self._number is None:
            self._number = number
        elif number > self._number:
            self._close(self._number + 1, number, found)
            self._number = number
        get = reading.get
        residual = get("residual_current_ma")
        if residual is not None and len(self._milliamperes) < _MOST:
            self._milliamperes.append(residual)
        celsius = get("temp_a_c"), get("temp_b_c"), get("temp_c_c"), get("temp_n_c")
        if celsius != _NO_CELSIUS and len(self._celsius) < _MOST:
            self._celsius.append(max(self._held(_CELSIUS, celsius, at_s)))
        amperes = get("current_a_a"), get("current_b_a"), get("current_c_a")
        if amperes != _NO_AMPERES and len(self._amperes) < _MOST:
            self._amperes.append(sum(self._held(_AMPERES, amperes, at_s)))
        return found

    def _held(self, first: int, named: Sequence[float | None], at_s: float) -> list[float]:
        """Take the phases that a reading names; return the values of all that were named not long ago."""
        values, named_s, found = self._values, self._named_s, []
        for place, value in enumerate(named, first):
            if value is not None:
                values[place], named_s[place] = value, at_s
                found.append(value)
            elif at_s - named_s[place] <= self._keep_s:
                found.append(values[place])
        return found

    def course(self, code: str) -> list[Expected]:
        """Return the latest expected values of the quantity that this code judges."""
        return next((one.course.points() for one in (self._insulation, self._joint) if one.code == code), [])

    def _close(self, next_number: int, new_number: int, found: list[EarlyWarning]) -> None:
        """Judge the slot that `next_number` followed, now that a reading of `new_number` is here."""
        ended_s = next_number * self._slot_s
        sine, cosine = self._hours[next_number % len(self._hours)]
        amperes, milliamperes, celsius = self._amperes, self._milliamperes, self._celsius
        if amperes:  # a slot without one keeps the last
            self._load = sum(amperes) / len(amperes) / _SCALE_A
            amperes.clear()
        load, lately, short = self._load, self._load_short, self._short
        square, squares_short, squares_long = load * load, self._square_short, self._square_long
        self._load_short = lately = lately + short * (load - lately)
        self._square_short = squares_short = squares_short + short * (square - squares_short)
        self._square_long = squares_long = squares_long + self._long * (square - squares_long)
        if milliamperes:
            value = milliamperes.pop() if len(milliamperes) == 1 else _median(milliamperes)
            self._insulation.take((1.0, load, lately, square, sine, cosine), value, ended_s, found)
        if celsius and (next_number - 1) // self._joint_slots < new_number // self._joint_slots:
            self._joint.take((lately, squares_short, squares_long, sine, cosine), _median(celsius), ended_s, found)


@cache
def _hours(slot_s: int) -> tuple[tuple[float, float], ...]:
    """Return sine and cosine of the time of day (UTC) at which each slot begins, over as long as they repeat."""
    slots = _DAY_S // gcd(slot_s, _DAY_S)
    angles = [2 * pi * (number * slot_s % _DAY_S) / _DAY_S for number in range(slots)]
    return tuple((sin(angle), cos(angle)) for angle in angles)


def _median(values: list[float]) -> float:
    """Return the middle of the values and forget them."""
    if len(values) == 1:
        return values.pop()
    middle = sorted(values)[len(values) // 2]
    values.clear()
    return middle
