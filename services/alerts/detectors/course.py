"""The latest expected values: kept beside a detector for the chart of its alarm, in memory only.

Used by `mains` and `wiring`, read by `early`. Cost: three numbers written a slot. Memory: 16 bytes a slot and quantity.
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

    __slots__ = ("_at_s", "_next", "_spreads", "_values")

    def __init__(self, slot_s: int) -> None:
        slots = COURSE_S // slot_s  # a ring of so many; 0 is the time of those that were not noted yet
        self._at_s = array("q", bytes(8 * slots))
        self._values, self._spreads = array("f", bytes(4 * slots)), array("f", bytes(4 * slots))
        self._next = 0

    def note(self, at_s: int, value: float, spread: float) -> None:
        """Take one slot."""
        number, at = self._next, self._at_s
        at[number] = at_s
        self._values[number] = value
        self._spreads[number] = spread
        number += 1
        self._next = number if number < len(at) else 0

    def points(self) -> list[Expected]:
        """Return the slots, the oldest first."""
        ring = [*map(Expected, self._at_s, self._values, self._spreads)]
        return [slot for slot in ring[self._next :] + ring[: self._next] if slot.at_s]
