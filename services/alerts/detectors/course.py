"""The latest expected values: kept beside a detector for the chart of its alarm, in memory only.

Used by `mains` and `wiring`, read by `early`. Cost: two appends a slot. Memory: 16 bytes a slot and quantity.
"""

from __future__ import annotations

from array import array
from typing import Final, NamedTuple

COURSE_S: Final = 6 * 3600  # how far back a chart shows what was expected before the alarm


class Expected(NamedTuple):
    """One slot: when it ended (seconds since 1970), what was expected, and one own deviation, in the unit measured."""

    at_s: int
    value: float
    spread: float


class Course:
    """The last slots of one quantity."""

    __slots__ = ("_at_s", "_most", "_numbers")

    def __init__(self, slot_s: int) -> None:
        self._most = COURSE_S // slot_s
        self._at_s = array("q")
        self._numbers = array("f")

    def note(self, at_s: int, value: float, spread: float) -> None:
        """Take one slot."""
        self._at_s.append(at_s)
        self._numbers.extend((value, spread))
        if len(self._at_s) > self._most:
            del self._at_s[0], self._numbers[:2]

    def points(self) -> list[Expected]:
        """Return the slots, the oldest first."""
        numbers = self._numbers
        return [Expected(at_s, numbers[2 * n], numbers[2 * n + 1]) for n, at_s in enumerate(self._at_s)]
