"""Readings put on a common grid of time: one pressure per hydrant and slot, the median of what came within it.

Cost: a list append a reading. A slot ends with the first reading of a later one, so that files and the live stream are
cut alike; a reading for a slot that has ended counts in the one that is open, unless that has one of its own.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from services.alerts.detectors.expectation import Array

_MOST: Final = 64  # readings of one device in one slot
_OUTVOTE: Final = 3  # readings of which one alone cannot move the median


class Slots:
    """The open slot of a group of devices; times are whole seconds since 1970."""

    MEMORY: Final = ("number", "_values")

    def __init__(self, devices: int, width_s: int) -> None:
        self.width_s = width_s
        self.number: int | None = None
        self._values: list[list[float]] = [[] for _ in range(devices)]
        self.outvoted = np.zeros(devices, dtype=bool)  # in the slot closed last: a single wrong reading counted nothing

    def ends_with(self, at_s: float) -> bool:
        """Whether a reading at this time belongs to a later slot than the open one."""
        return self.number is not None and at_s >= (self.number + 1) * self.width_s

    def add(self, device: int, at_s: float, value: float) -> None:
        """Take a reading; close the open slot first if `ends_with` says so."""
        number, width_s = self.number, self.width_s
        if number is None:
            number = self.number = int(at_s // width_s)
        values = self._values[device]
        belongs = at_s >= number * width_s or (not values and at_s >= (number - 1) * width_s)
        if belongs and len(values) < _MOST:
            values.append(value)

    def close(self, at_s: float) -> tuple[int, Array]:
        """Return (the time the open slot ended, its values, NaN where none came) and open the one of `at_s`."""
        if self.number is None:
            raise ValueError("no slot is open: ask `ends_with` first")
        middles = [
            sorted(values)[len(values) // 2] if len(values) > 1 else values[0] if values else np.nan
            for values in self._values
        ]
        self.outvoted = np.array([len(values) >= _OUTVOTE for values in self._values])
        self._values = [[] for _ in self._values]
        ended = (self.number + 1) * self.width_s
        self.number = int(at_s // self.width_s)
        return ended, np.array(middles, dtype=float)
