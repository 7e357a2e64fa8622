"""How much more a circuit warms with its load than before: the sign of a loosening joint.

A bad joint multiplies the effect of load. The air of a switch room, which nobody measures, adds to it and wanders by
several kelvin from day to day. So temperature and causes pass the same high-pass, which takes the weather from both,
and what is judged is not an excess in kelvin but the growth of warming: the slope of what is left over on what load
explains, over the last day. `above` is that growth times the circuit's own highest warming, in kelvin.

Source: Joule's law (heat goes with the square of the current, a body follows with a lag); regression on filtered series
(Cochrane and Orcutt 1949). Cost: one regression lesson a slot. Cold start: `learn_days`. A circuit without measured
current, or whose load never changes, says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul, sub
from typing import Final

from services.alerts.detectors.regression import Regression
from services.alerts.detectors.trend import Trend

LOADS: Final = 3  # how many of the first causes are powers of load
_HIGH_PASS_DAYS: Final = 0.125
_WINDOW_DAYS: Final = 1.0
_HIGHEST_DAYS: Final = 14.0
_SPREAD_DAYS: Final = 7.0
_MEMORY_DAYS: Final = 30.0
_STUBBORN_DAYS: Final = 14.0
_YOUNG_DAYS: Final = 2.0
_LEAST_K2: Final = 0.3  # squared warming below which a day says nothing about growth
_STRANGE: Final = 0.15  # growth of warming from which nothing is learned
_STRANGE_DAYS: Final = 5.0  # until then everything is learned, because the normal state is not known yet


class Heating:
    """One circuit, slot by slot; its causes are `LOADS` lagged powers of load, then the hour of the day."""

    MEMORY: Final = (
        "_model",
        "_means",
        "_strange_slots",
        "_left_by_warming",
        "_warming_squared",
        "_highest_k",
        "_trend",
        "_learned_s",
        "above",
        "days",
        "expected",
        "spread",
    )

    __slots__ = (
        "_day",
        "_high_pass",
        "_highest_fades",
        "_highest_k",
        "_learned_s",
        "_left_by_warming",
        "_means",
        "_model",
        "_spread_share",
        "_strange_slots",
        "_trend",
        "_warming_squared",
        "_window",
        "above",
        "days",
        "expected",
        "outlier_share",
        "spread",
    )

    def __init__(self, causes: int, slots_a_day: int) -> None:
        self._model = Regression(causes, 1 - 1 / (_MEMORY_DAYS * slots_a_day), max(1, slots_a_day // 8))
        self._day = slots_a_day
        self._high_pass = min(1.0, 1 / (_HIGH_PASS_DAYS * slots_a_day))
        self._window = window = 1 / (_WINDOW_DAYS * slots_a_day)
        self._highest_fades, self._spread_share = 1 - window / _HIGHEST_DAYS, window / _SPREAD_DAYS
        self._means: list[float] | None = None  # slow courses of the causes and, last, of the temperature
        self._strange_slots = 0
        self._left_by_warming = 0.0
        self._warming_squared = 0.0
        self._highest_k = 0.0  # above the circuit at rest, as the model has it; fades in two weeks
        self._trend = Trend(slots_a_day)
        self._learned_s = 0
        self.days = 0.0  # how long it has been learning
        self.expected = 0.0
        self.above = 0.0
        self.spread = 0.0
        self.outlier_share = 0.0  # single slots are not judged

    @property
    def trend_h(self) -> float:
        """How fast the excess grows, K per hour."""
        return self._trend.per_h

    def take(self, causes: Sequence[float], celsius: float, passed_s: int) -> None:
        """Take one slot's temperature (°C) with its causes, `passed_s` after the slot before."""
        seen = (*causes, celsius)
        share = self._high_pass
        means = self._means = [mean + share * (value - mean) for mean, value in zip(self._means or seen, seen)]  # noqa: B905 - as many, and strict costs
        moved = list(map(sub, seen, means))
        moved_k = moved.pop()
        model = self._model
        explained_k = sum(map(mul, model.weights, moved))
        self.expected = means[-1] + explained_k
        self._learned_s += passed_s
        self.days = days = self._learned_s / 86_400
        young = days < _YOUNG_DAYS
        growth = 0.0 if young else self._judge(causes, moved, moved_k - explained_k)
        strange = growth > _STRANGE and days > _STRANGE_DAYS
        self._strange_slots = self._strange_slots + 1 if strange else 0
        if not strange or self._strange_slots > _STUBBORN_DAYS * self._day:
            model.learn(moved, moved_k)
            if not young:
                self.spread += self._spread_share * (abs(self.above) * 1.2533 - self.spread)

    def _judge(self, causes: Sequence[float], moved: Sequence[float], left_k: float) -> float:
        """Return by what share the circuit warms more with its load than the model has it, over the window."""
        loads = self._model.weights[:LOADS]
        warming_k = sum(map(mul, loads, moved))
        window = self._window
        self._left_by_warming += window * (left_k * warming_k - self._left_by_warming)
        self._warming_squared += window * (warming_k * warming_k - self._warming_squared)
        growth = self._left_by_warming / (self._warming_squared + _LEAST_K2)
        self._highest_k = max(sum(map(mul, loads, causes)), self._highest_k * self._highest_fades)
        self.above = growth * self._highest_k
        self._trend.take(self.above)
        return growth
