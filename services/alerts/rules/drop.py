"""The fall of a hydrant's pressure within a quarter of an hour, however its readings arrive.

Used by the hydrant walker. Keeps of the window only what can still be its maximum, so it stays a few numbers
long.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from typing import Any, Final

_MOST: Final = 256  # one falling reading every 3.5 s of a quarter of an hour
EXACT: Final = 1e-9  # MPa; what binary fractions may add to a difference


class PressureWindow:
    """The highest pressures of the last minutes at rest: falling in value, rising in time."""

    __slots__ = ("at", "mpa")

    def __init__(self) -> None:
        self.at: list[datetime] = []
        self.mpa: list[float] = []

    def add(self, ts: datetime, mpa: float) -> None:
        """Take a reading, also one that comes late: it hides earlier lower ones and is hidden by later higher ones."""
        at, values = self.at, self.mpa
        if not at or ts >= at[-1]:
            place = len(at)
        else:
            place = bisect_left(at, ts)
            if values[place] >= mpa:
                return
        first = place
        while first > 0 and values[first - 1] <= mpa:
            first -= 1
        at[first:place] = [ts]
        values[first:place] = [mpa]
        if len(at) > _MOST:
            del at[1], values[1]

    def highest(self, since: datetime) -> float | None:
        """Return the highest pressure not older than `since`, forgetting what is older."""
        at = self.at
        if at and at[0] < since:
            stale = bisect_left(at, since)
            del at[:stale], self.mpa[:stale]
        return self.mpa[0] if at else None

    def forget(self, until: datetime) -> None:
        """Drop everything up to `until`: water flowed, or the fall was told."""
        keep = bisect_left(self.at, until + timedelta.resolution)
        del self.at[:keep], self.mpa[:keep]

    def to_json(self) -> list[Any]:
        """Return the window as a list of pairs."""
        return [[ts.isoformat(), mpa] for ts, mpa in zip(self.at, self.mpa, strict=True)]

    def load(self, saved: list[Any]) -> None:
        """Take over a window that `to_json` saved."""
        self.at = [datetime.fromisoformat(ts) for ts, _ in saved]
        self.mpa = [mpa for _, mpa in saved]
