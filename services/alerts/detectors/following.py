"""Whether a hydrant still follows its mains: movement seen against movement expected, over a few hours.

Source: design study ("one device only, flat peers"); the slope of a regression through the origin, fading
memory. A hydrant behind a closed valve or frozen keeps a pressure of its own; a burst or a draw moves it with the rest.
Cost: vectors of n a slot. Cold start: twice `window_h`; silent while the mains themselves do not move.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from services.alerts.detectors.expectation import Array

_MOVED_MPA = 0.012  # the mains must have moved this much (root of the summed squares) before there is a verdict
_SLOW = 12  # slots over which a movement is measured: an hour at five minutes


class Following:
    """The slope of seen on expected movement, per device."""

    MEMORY: Final = ("_past", "_together", "_expected", "_seen", "_slots")

    def __init__(self, devices: int, slot_s: int, numbers: Mapping[str, float]) -> None:
        self._keep = float(np.exp(-slot_s / (numbers["window_h"] * 3600)))
        self._least = numbers["follows"]
        self._lag = max(1, round(_SLOW * 300 / slot_s))
        self._past: list[tuple[Array, Array]] = []
        self._together = np.zeros(devices)
        self._expected = np.zeros(devices)
        self._seen = np.zeros(devices)
        self._slots = 0
        self._nobody = np.zeros(devices, dtype=bool)
        self._wait = 2 * numbers["window_h"] * 3600 / slot_s

    def take(self, clean: Array, explained: Array) -> np.ndarray:
        """Take one slot; return the hydrants that do not follow."""
        self._past.append((clean, explained))
        if len(self._past) <= self._lag:
            return self._nobody
        before, explained_before = self._past.pop(0)
        moved = clean - before
        missing = np.isnan(moved)
        moved = np.where(missing, 0.0, moved)
        should = np.where(missing, 0.0, explained - explained_before)
        self._together = self._keep * self._together + moved * should
        self._expected = self._keep * self._expected + should * should
        self._seen = self._keep * self._seen + moved * moved
        self._slots += 1
        if self._slots < self._wait:
            return self._nobody
        enough = self._expected > _MOVED_MPA**2 * self._lag
        still = self._seen < self._expected  # a hydrant that moves more than expected is disturbed, not cut off
        slope = self._together / np.maximum(self._expected, 1e-12)
        apart: np.ndarray = enough & still & (slope < self._least)
        return apart
