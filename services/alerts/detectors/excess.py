"""How far a quantity stands above what its causes explain: own spread, EWMA, share of outliers, trend.

Source: design study (EWMA 0.2 of the load-regressed residual measured best). Values beyond 3 own
deviations teach nothing while they last, up to `_STUBBORN_DAYS`: ageing must not become normal.
Cost: one regression lesson a slot. Cold start: `learn_days`.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import Final

from services.alerts.detectors.regression import Regression
from services.alerts.detectors.trend import Trend

_EWMA: Final = 0.2
_TEACHES: Final = 3.0  # own deviations
_MEMORY_DAYS: Final = 30.0
_STUBBORN_DAYS: Final = 14.0


class Excess:
    """One quantity of one device, slot by slot."""

    MEMORY: Final = (
        "_model",
        "_learned_s",
        "_slots",
        "_strange_slots",
        "_trend",
        "above",
        "days",
        "expected",
        "outlier_share",
        "spread",
    )

    __slots__ = ("_day", "_least", "_outlier_sigmas", "_share", "_stubborn_slots", *MEMORY)

    def __init__(self, causes: int, slots_a_day: int, least_spread: float, outlier_sigmas: float) -> None:
        self._model = Regression(causes, 1 - 1 / (_MEMORY_DAYS * slots_a_day), max(1, slots_a_day // 8))
        self._day = slots_a_day
        self._least = least_spread
        self._outlier_sigmas = outlier_sigmas
        self._share = 1 / (7 * slots_a_day)  # what one slot teaches of the spread
        self._stubborn_slots = _STUBBORN_DAYS * slots_a_day
        self.days = 0.0  # how long it has been learning
        self._learned_s = 0
        self._slots = 0
        self._strange_slots = 0
        self._trend = Trend(slots_a_day)
        self.expected = 0.0
        self.above = 0.0  # smoothed excess
        self.spread = 0.0
        self.outlier_share = 0.0  # fading share of a day's slots far above

    @property
    def trend_h(self) -> float:
        """How fast the smoothed excess grows, per hour."""
        return self._trend.per_h

    def take(self, causes: Sequence[float], value: float, passed_s: int) -> None:
        """Take one slot's value with its causes, `passed_s` after the slot before."""
        model = self._model
        self.expected = expected = sum(map(mul, model.weights, causes))
        error = value - expected
        size = error if error >= 0.0 else -error
        self._slots += 1
        self._learned_s += passed_s
        self.days = days = self._learned_s / 86_400
        own, outliers, least = self.spread, self.outlier_share, self._least
        spread = own if own > least else least  # noqa: FURB136 - a call costs more than all of this
        teaches = _TEACHES * spread
        if days < 1.0:  # nothing is judged yet
            self.outlier_share = outliers - outliers / self._day
            self.above = above = 0.0
            strange, taught, share = False, size, max(1 / self._slots, 0.02)
        else:
            most = self._outlier_sigmas * spread
            self.outlier_share = outliers + ((1.0 if error > most else 0.0) - outliers) / self._day
            if size > most:
                error = most if error > 0.0 else -most
            above = self.above
            self.above = above = above + _EWMA * (error - above)
            strange = size > teaches or above >= teaches
            taught, share = min(teaches, size) if strange else size, self._share
        self._trend.take(above)
        self._strange_slots = self._strange_slots + 1 if strange else 0
        if not strange or self._strange_slots > self._stubborn_slots:
            model.learn(causes, value)
            self.spread = own + share * (taught * 1.2533 - own)
