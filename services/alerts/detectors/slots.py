"""Readings put on a common grid of time: one pressure per hydrant and slot, the median of what came within it.

Cost: one entry of a list a reading. A slot ends with the first reading of a later one, so that files and the live
stream are cut alike; a reading for a slot that has ended counts in the one that is open, unless that has one of its
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

import numpy as np

from services.alerts.detectors.expectation import Array

_MOST: Final = 64  # readings of one device in one slot
_OUTVOTE: Final = 3  # readings of which one alone cannot move the median
_Held = float | list[float] | None  # what one device sent: nothing, one value, or several


class Slots:
    """The open slot of a group of devices; times are whole seconds since 1970."""

    MEMORY: Final = ("number", "_values")

    def __init__(self, devices: int, width_s: int) -> None:
        self.width_s = width_s
        self.begins_s = self.ends_s = inf  # of the open slot: a reading at its end belongs to a later one
        self._number: int | None = None
        self.held: list[_Held] = [None] * devices  # what each sent
        self._several = False  # whether any device sent more than one
        self._nobody = np.zeros(devices, dtype=bool)
        self.outvoted = self._nobody  # in the slot closed last: a single wrong reading counted nothing

    @property
    def number(self) -> int | None:
        """Which slot is open, counted since 1970; None before the first reading."""
        return self._number

    @number.setter
    def number(self, number: int | None) -> None:
        self._number = number
        self.begins_s = inf if number is None else number * self.width_s
        self.ends_s = self.begins_s + self.width_s

    def ends_with(self, at_s: float) -> bool:
        """Whether a reading at this time belongs to a later slot than the open one."""
        return at_s >= self.ends_s

    def add(self, device: int, at_s: float, value: float) -> None:
        """Take a reading; close the open slot first if `ends_with` says so."""
        held = self.held[device]
        if held is None:
            if self._number is None:
                self.number = int(at_s // self.width_s)
            if at_s >= self.begins_s - self.width_s:
                self.held[device] = value
        elif at_s >= self.begins_s:
            if not isinstance(held, list):
                self._several = True
                self.held[device] = [held, value]
            elif len(held) < _MOST:
                held.append(value)

    def close(self, at_s: float) -> tuple[int, Array]:
        """Return (the time the open slot ended, its values, NaN where none came) and open the one of `at_s`."""
        if self._number is None:
            raise ValueError("no slot is open: ask `ends_with` first")
        ended, held = (self._number + 1) * self.width_s, self.held
        self.outvoted = self._nobody
        if self._several:
            self._several = False
            self.outvoted = np.array([isinstance(one, list) and len(one) >= _OUTVOTE for one in held])
            held = [sorted(one)[len(one) // 2] if isinstance(one, list) else one for one in held]
        self.held = [None] * len(held)
        self.number = int(at_s // self.width_s)
        return ended, np.array(held, dtype=float)  # None becomes NaN

    @property
    def _values(self) -> list[list[float]]:
        """The values of the open slot, as they are remembered."""
        return [one if isinstance(one, list) else [] if one is None else [one] for one in self.held]

    @_values.setter
    def _values(self, values: Sequence[list[float]]) -> None:
        self.held = [one if len(one) > 1 else one[0] if one else None for one in values]
        self._several = any(len(one) > 1 for one in values)
