"""How far each hydrant strays from what is expected of it on its own quiet days: one that pumps and valves move, far.

Source: our own. Where a pump or a valve close by switches in ways that others do not show, a hydrant deviates by tens
of its usual deviations and nothing is wrong; what it did on quiet days says so. Deviations of less than `_LEAST` are
those of an ordinary hydrant and set no limit. After the time of learning a day teaches no more than was known, and
nothing while a warning of the hydrant or an event of the mains stands. But what was told on two days of the last 28,
and went by itself both times, is how this hydrant is: the lesser of the two counts as a quiet day. Used by `mains`.
Cost: three vector operations a slot. Memory: 56 numbers a hydrant. Cold start: no limit before a day was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.alerts.detectors.expectation import Array
from services.core.clock import COUNTY_AHEAD

_DAYS: Final = 28
_DAY_S: Final = 86_400
_LOCAL_S: Final = int(COUNTY_AHEAD.total_seconds())  # people live by the clocks on their walls
_LEAST: Final = 4.0  # own deviations, two slots in a row
_MOST: Final = 30.0  # beyond it no hydrant is deaf


class Reach:
    """The farthest of each hydrant's quiet days, in own standard deviations held for two slots."""

    MEMORY: Final = ("_highest", "_today", "_gone", "_gone_today", "_standing", "_day", "_before", "farthest")

    def __init__(self, devices: int) -> None:
        self._highest = np.zeros((0, devices))  # of each day, the oldest first
        self._today = np.zeros(devices)
        self._gone = np.zeros((0, devices))  # of each day, the farthest of the warnings that went by themselves
        self._gone_today = np.zeros(devices)
        self._standing = np.zeros(devices)  # the farthest of what stands; NaN: its own flow explains it
        self._day = -1
        self._before = np.zeros(devices)  # the size of the slot before
        self.farthest = np.zeros(devices)  # 0 where an ordinary hydrant has no limit of its own

    def take(self, size: Array, ended_s: int) -> Array:
        """Take the size of one slot's deviations, 0 where one is missing; return what each has held for two slots."""
        held: Array = np.minimum(size, self._before)
        self._before = size
        day = (ended_s + _LOCAL_S) // _DAY_S
        if day != self._day:
            if self._day >= 0:
                self._end_day()
            self._day = day
        return held

    def learn(self, held: Array, learning: NDArray[np.bool_] | bool, told: Sequence[int]) -> None:
        """Learn from a quiet slot, without bounds from those `learning`, nothing from whom a warning was `told`."""
        today = np.maximum(self._today, held if learning is True else self._bounded(held, learning))
        if told:
            today[told] = self._today[told]
        self._today = today

    def tell(self, held: Array, told: Sequence[int], used: frozenset[int]) -> None:
        """Take of whom a warning stands now, and whose own flow says that water is drawn: that explains itself."""
        if not told and not np.count_nonzero(self._standing):
            return
        stands = np.zeros(len(held), dtype=bool)
        stands[told] = True
        gone = np.where(stands, 0.0, np.nan_to_num(self._standing))
        self._gone_today = np.maximum(self._gone_today, gone)
        self._standing = np.where(stands, np.maximum(self._standing, np.maximum(held, _LEAST)), 0.0)
        self._standing[[number for number in used if stands[number]]] = np.nan

    def _bounded(self, held: Array, learning: NDArray[np.bool_] | bool) -> Array:
        bounded: Array = np.minimum(held, np.maximum(self.farthest, _LEAST))
        return bounded if learning is False else np.where(learning, held, bounded)

    def _end_day(self) -> None:
        self._highest = np.vstack((self._highest, self._today))[-_DAYS:]
        self._today = np.zeros(len(self._today))
        self._gone = np.vstack((self._gone, self._gone_today))[-_DAYS:]
        self._gone_today = np.zeros(len(self._today))
        twice = np.sort(self._gone, axis=0)[-2:].min(axis=0) if len(self._gone) > 1 else 0.0
        farthest = np.maximum(self._highest.max(axis=0), twice)
        self.farthest = np.where(farthest > _LEAST, np.minimum(farthest, _MOST), 0.0)
