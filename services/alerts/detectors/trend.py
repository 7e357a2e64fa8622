"""How fast a smoothed excess grows. Source: two exponential means, one of the value and one of its steps. Pure."""

from __future__ import annotations

from typing import Final

_TREND_DAYS: Final = 0.5


class Trend:
    """The slow course of one quantity, slot by slot."""

    MEMORY: Final = ("_course", "per_h")

    __slots__ = ("_course", "_share", "_slots_an_hour", "per_h")

    def __init__(self, slots_a_day: int) -> None:
        self._share = 1 / (_TREND_DAYS * slots_a_day)
        self._slots_an_hour = slots_a_day / 24
        self._course: float | None = None
        self.per_h = 0.0

    def take(self, value: float) -> None:
        """Take one slot's value."""
        course, share = self._course, self._share
        if course is None:
            course = value
        step = share * (value - course)
        self._course = course + step
        per_h = self.per_h
        self.per_h = per_h + share * (step * self._slots_an_hour - per_h)
