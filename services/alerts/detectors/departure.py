"""How a hydrant left what is expected of it: at one blow, as a draw does, or slowly, as behind a closed valve or ice.

Source: our own. Whoever opens a hydrant is done within minutes; a barrel that is cut off loses its pressure, or is
pressed by ice, over hours, while its mains go their own way. So the steepest quarter of an hour since the deviation
began is compared with all of it. A step counts where both the hydrant and its residual made it: when pumps start, one
that is cut off stays where it is. Used by `mains`. Cost: vectors of n a slot.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.alerts.detectors.expectation import Array

_STEP_S: Final = 900
_BACK: Final = 1.0  # own deviations: within them a hydrant is where it should be, and its steps are forgotten
_HALF: Final = 0.5  # of the way in one step is a blow


class Departure:
    """The steepest step of each hydrant, downwards and upwards, since it was last where it should be."""

    MEMORY: Final = ("_past", "_fell", "_rose")

    def __init__(self, devices: int, slot_s: int) -> None:
        self._span = max(1, round(_STEP_S / slot_s))  # slots before and after a step whose means are compared
        self._past: list[Array] = []  # what was seen, and residuals
        self._fell = np.zeros(devices)
        self._rose = np.zeros(devices)

    def take(self, seen: Array, residual: Array, own: Array) -> NDArray[np.bool_]:
        """Take one slot (MPa, MPa, own deviations); return who left by steps of which one was half of the way."""
        now, span = np.array((seen, residual)), self._span
        now = np.where(np.isnan(now), self._past[-1] if self._past else 0.0, now)
        self._past = past = [*(self._past[1:] or [now] * (2 * span - 1)), now]
        before, after = (sum(some[1:], some[0]) / span for some in (past[:span], past[span:]))
        moved, left = after - before
        self._fell = np.where(own > -_BACK, 0.0, np.maximum(self._fell, np.minimum(-moved, -left)))
        self._rose = np.where(own < _BACK, 0.0, np.maximum(self._rose, np.minimum(moved, left)))
        steep: NDArray[np.bool_] = np.where(own < 0, self._fell, self._rose) > _HALF * np.abs(after[1])
        return steep
