"""How restless a network is at this half-hour of the day, beside its whole day.

Source: our own. Demand wanders in proportion to itself, so what is left of it is larger in the morning and the evening
than at night; one limit for the whole day is a nuisance at ten and deaf at three. Deviations are divided by the root of
how much larger they usually are: half of the way, because what is learned of one half-hour is little.
Used by `burst`. Cost: three vector operations in a quarter of an hour. Cold start: a half-hour known for n days counts
n / (n + 1).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from services.alerts.detectors.expectation import Array
from services.core.clock import COUNTY_AHEAD

_BINS: Final = 48
_DAY_S: Final = 86_400
_LOCAL_S: Final = int(COUNTY_AHEAD.total_seconds())  # people live by the clocks on their walls
_EACH_S: Final = 900  # deviations are smooth: more of them say little more
_SHRINK: Final = 3.0  # half-hours: a bin and those beside it, one day
_OUTLIER: Final = 3.0  # own deviations: larger ones count as these, so that one event does not mark its hour


class Restless:
    """The mean square of one statistic (own standard deviations) by half-hour, fading by the day."""

    MEMORY: Final = ("_sums", "_weights", "_place", "_factor")

    def __init__(self, slot_s: int, memory_days: float) -> None:
        self._weight = max(slot_s, _EACH_S) * _BINS / _DAY_S  # half-hours
        self._keep = math.exp(-1.0 / memory_days)
        self._sums = [0.0] * _BINS
        self._weights = [0.0] * _BINS
        self._place = -1
        self._factor = 1.0  # of this half-hour

    def factor(self, ended_s: int) -> float:
        """Return by what this slot's deviations are to be divided: 1 on average over the day."""
        place = (ended_s + _LOCAL_S) % _DAY_S * _BINS // _DAY_S
        if place != self._place:
            if self._place >= 0:
                self._sums[self._place] *= self._keep
                self._weights[self._place] *= self._keep
            self._place, self._factor = place, self._of(place)
        return self._factor

    def note(self, deviations: Array, ended_s: int) -> None:
        """Learn from the deviations of a slot, after `factor`."""
        if ended_s % _EACH_S:
            return
        size = np.minimum(np.abs(deviations), _OUTLIER)
        self._sums[self._place] += self._weight * float(size @ size) / len(size)
        self._weights[self._place] += self._weight

    def _of(self, place: int) -> float:
        around = (place - 1, place, (place + 1) % _BINS)
        known, whole = sum(self._weights[n] for n in around), sum(self._sums)
        if known <= 0.0 or whole <= 0.0:
            return 1.0
        here = sum(self._sums[n] for n in around) / known
        root = math.sqrt(here * sum(self._weights) / whole)
        sure = known / (known + _SHRINK)
        return math.sqrt(root * sure + 1.0 - sure)
