"""Whether a sensor can be trusted: one-sample spikes are removed, a stuck or spiking sensor is flagged.

Source: design study. Cost: vectors of n a slot. Cold start: own steps are known after a day; until then
nothing is held back. A jump beyond `spike_sigmas` of its own steps waits one slot; if the next value agrees, it was
real. Where a slot is the median of three readings or more it does not wait: one wrong reading was outvoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from services.alerts.detectors.expectation import Array

_SPREAD_SHARE = 1 / 288
_LEAST_MPA = 0.001  # the resolution
_SAME_MPA = 5e-4
_STILL_SLOTS = 6  # a sensor that repeats values this often has no noise: nothing is concluded from it


class Instruments:
    """The pressure sensors of a group."""

    MEMORY: Final = ("_last", "_held", "_step", "_same", "_spikes")

    def __init__(self, devices: int, slots_a_day: int, numbers: Mapping[str, float]) -> None:
        self._sigmas = numbers["spike_sigmas"]
        self._most_spikes = numbers["spikes"]
        self._stuck_slots = numbers["stuck_h"] / 24 * slots_a_day
        self._fade = 0.5 ** (1 / slots_a_day)
        self._last = np.full(devices, np.nan)
        self._held = np.full(devices, np.nan)
        self._step = np.full(devices, 0.02)
        self._same = np.zeros(devices)
        self._spikes = np.zeros(devices)

    @property
    def still(self) -> np.ndarray:
        """Sensors that have sent the same value several times and may be stuck."""
        return self._same >= _STILL_SLOTS

    def take(self, pressures: Array, outvoted: np.ndarray | None = None) -> tuple[Array, np.ndarray, np.ndarray]:
        """Return (pressures without spikes, stuck sensors, spiking sensors).

        `outvoted`: sensors whose value a single reading could not have made; None: no sensor.
        """
        there = ~np.isnan(pressures)
        moved = np.abs(pressures - self._last)
        compared = ~np.isnan(moved)
        step = np.where(compared, moved, 0.0)
        limit = self._sigmas * np.maximum(self._step, _LEAST_MPA)
        far, waiting = step > limit, ~np.isnan(self._held)
        self._spikes = self._spikes * self._fade
        good, teaches = there, compared
        if np.count_nonzero(far | waiting):
            agrees = waiting & there & (np.abs(pressures - self._held) <= limit)
            jumps = far & ~agrees if outvoted is None else far & ~agrees & ~outvoted
            self._spikes += waiting & there & ~jumps & ~agrees  # it came back
            self._held = np.where(jumps, pressures, np.where(there, np.nan, self._held))
            good = there & ~jumps
            teaches = good & compared & ~agrees & ~far
        self._step += _SPREAD_SHARE * np.where(teaches, np.minimum(step, 3 * self._step) * 1.2533 - self._step, 0)
        self._same = np.where(compared & (step < _SAME_MPA), self._same + 1, np.where(there, 0, self._same))
        self._last = np.where(good, pressures, self._last)
        clean = pressures if good is there else np.where(good, pressures, np.nan)
        return clean, self._same >= self._stuck_slots, self._spikes >= self._most_spikes
