"""The hydrant's own hour: what its residual usually is at this half-hour of a weekday or weekend.

Source: design study (adaptive time-of-week baseline, 30-minute bins). Cost: a few vector operations a slot.
Cold start: a bin with n slots counts n / (n + 20). It adapts by 1/60 a slot, by a bounded step, and not during events.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from services.alerts.detectors.expectation import Array, clipped, zeroed
from services.core.clock import COUNTY_AHEAD

_BINS: Final = 48
_FULL: Final = 60.0
_SHRINK: Final = 20.0
_MOST: Final = 0.01  # MPa that one slot may teach
_LOCAL_S: Final = int(COUNTY_AHEAD.total_seconds())  # people live by the clocks on their walls
_DAY_S: Final = 86_400


class Hours:
    """Bins of a group's residuals in MPa."""

    MEMORY: Final = ("_usual", "_seen")

    def __init__(self, devices: int) -> None:
        self._usual = np.zeros((2, _BINS, devices))
        self._seen = np.zeros((2, _BINS))

    def remove(self, residual: Array, at_s: int, *, frozen: bool) -> Array:
        """Return the residual less what is usual at this hour, and learn from it."""
        local = at_s + _LOCAL_S
        weekend = int((local // _DAY_S + 3) % 7 >= 5)  # 1 January 1970 was a Thursday
        place = int(local % _DAY_S * _BINS // _DAY_S)
        seen, usual = self._seen[weekend, place], self._usual[weekend, place]
        left: Array = residual - usual * (seen / (seen + _SHRINK))
        if not frozen:
            self._seen[weekend, place] = seen = min(seen + 1, _FULL)
            usual += zeroed(clipped(residual - usual, _MOST)) / seen
        return left
