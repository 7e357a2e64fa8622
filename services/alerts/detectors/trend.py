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
        if self._course is None:
            self._course = value
        step = self._share * (value - self._course)
        self._course += step
        self.per_h += self._share * (step * self._slots_an_hour - self.per_h)
