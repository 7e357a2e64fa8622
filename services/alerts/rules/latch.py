"""Counting readings in a row: the little machine under every threshold rule.

Used by the walkers of each kind, millions of times an hour, hence plain slots and integers.
"""

from __future__ import annotations

from typing import Any, Final

RAISE: Final = 1
CLEAR: Final = -1
NOTHING: Final = 0
_ENOUGH: Final = 10  # as many as a rule may ask for


class Latch:
    """Whether one condition stands, and how many readings in a row spoke for it or for its end."""

    __slots__ = ("active", "calm", "critical", "hits")

    def __init__(self) -> None:
        self.active = False
        self.critical = False
        self.hits = 0
        self.calm = 0

    def feed(self, need: int, need_calm: int, *, hit: bool, calm: bool, live: bool) -> int:
        """Count one reading; say RAISE or CLEAR when it turned the condition. Late readings only count."""
        if hit:
            self.calm = 0
            if self.hits < _ENOUGH:
                self.hits += 1
            if live and not self.active and self.hits >= need:
                self.active = True
                return RAISE
        elif calm:
            self.hits = 0
            if self.calm < _ENOUGH:
                self.calm += 1
            if live and self.active and self.calm >= need_calm:
                self.active = self.critical = False
                return CLEAR
        else:
            self.hits = self.calm = 0
        return NOTHING

    def forget(self) -> None:
        """Start afresh, as if nothing had been read."""
        self.active = self.critical = False
        self.hits = self.calm = 0

    def to_json(self) -> list[Any]:
        """Return the state as a short list."""
        return [int(self.active), int(self.critical), self.hits, self.calm]

    def load(self, saved: list[Any]) -> None:
        """Take over a state that `to_json` saved."""
        active, critical, self.hits, self.calm = saved
        self.active, self.critical = bool(active), bool(critical)
