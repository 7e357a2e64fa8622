"""How large a deviation must be in this very network: learned from its own quiet days, between fixed bounds.

Source: our own. Networks differ: pumps and tanks give one heavy tails and another none, so that one number is either
deaf or a nuisance. The share of days that may have a false incident is given; a day with one counts as at the limit.
Cost: one comparison a slot. Cold start: the upper bound, until a week of days was seen.
"""

from __future__ import annotations

from typing import Final

_DAYS: Final = 28
_LEAST_DAYS: Final = 7


class Watchfulness:
    """The limit of a statistic, moved once a day."""

    MEMORY: Final = ("_highest", "_today", "_day", "limit")

    def __init__(self, least: float, most: float, share: float) -> None:
        self._least, self._most, self._share = least, most, share
        self._highest: list[float] = []
        self._today = 0.0
        self._day = -1
        self.limit = most

    def note(self, statistic: float, day: int) -> None:
        """Take one slot's statistic outside events (or the limit itself, inside one)."""
        if day != self._day:
            if self._day >= 0:
                self._end_day()
            self._day, self._today = day, 0.0
        self._today = max(self._today, statistic)

    def _end_day(self) -> None:
        self._highest = [*self._highest, self._today][-_DAYS:]
        if len(self._highest) >= _LEAST_DAYS:
            ordered = sorted(self._highest)
            place = (1 - self._share) * (len(ordered) - 1)
            low = int(place)
            high = min(low + 1, len(ordered) - 1)
            between = ordered[low] + (place - low) * (ordered[high] - ordered[low])
            self.limit = min(self._most, max(self._least, between))
