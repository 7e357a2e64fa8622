"""From a slot's numbers to comparable ones: own spread, EWMA, neighbours smoothed together.

Source: design study (EWMA 0.4), smoothed over the nearest neighbours, because a real fall of pressure is
shared by those around it: residuals show who is below, independent shares (`whitening`) whether it is one event.
Cost: vectors of n a slot. Cold start: spreads are learned over three days, of each hydrant from its own first reading.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.alerts.detectors.expectation import Array, clipped, highest
from services.alerts.detectors.finding import Place
from services.alerts.detectors.nearest import nearest

_OUTLIER: Final = 8.0  # own deviations: larger ones add nothing
_ALONE: Final = 4.0  # the most that one hydrant adds to its neighbours: one alone is no event of the mains
_FEW: Final = 3  # neighbours that are far below, when the others are not: a pressure zone of three hydrants
_FEW_SAY: Final = 1.2  # times the least of them: chance makes three neighbours so deep as rarely as all eight together
_CALM: Final = 0.6  # of the variance of an EWMA of noise: a calmer one stood still, and is no measure of itself
_LEAST_VARIANCE: Final = 0.01
_SPREAD_DAYS: Final = 7.0
_BASE_DAYS: Final = 1.0  # for residuals, which contain a hydrant's own slow course
_SHARE_BASE_DAYS: Final = 3.0
_LEAST: Final = 2e-4, 0.2  # spread: MPa of residuals, of shares


class Scores(NamedTuple):
    """In own standard deviations, negative below what is expected.

    `own` of what common courses do not explain, and `size` of it without EWMA, bounds and sign, 0 where it is
    missing; `alone` of what is independent of all others; `shared` of `alone` with its neighbours: all of them a little
    below, or a few of them far. `risen` is the same upwards, of who rose most.
    """

    own: Array
    size: Array
    alone: Array
    shared: Array
    risen: float


class _Smoothed:
    """Two numbers of each hydrant, rows of one array: what is done to either is done at once.

    Each against its own slow base and spread, as an EWMA of unit variance. `base_slots` and `least` are of each row.
    """

    MEMORY: Final = ("base", "spread", "lately", "smooth", "variance", "slots")

    def __init__(
        self,
        devices: int,
        ewma: float,
        base_slots: tuple[float, float],
        spread_slots: float,
        least: tuple[float, float],
    ) -> None:
        rows = 2, devices
        self._ewma, self._least = ewma, np.array(least)[:, None]
        self._least_variance = np.array([[_CALM * ewma / (2 - ewma)], [_LEAST_VARIANCE]])
        self._base_share, self._spread_share = 1 / np.array(base_slots)[:, None], 1 / spread_slots
        self.base = np.zeros(rows)
        self.spread = np.zeros(rows)
        self.lately = np.zeros(rows)  # mean over the time of the base, whatever stands
        self.smooth = np.zeros(rows)
        self.variance = np.zeros(rows)
        self.slots = np.zeros(rows)  # since the first value of each
        self.size = np.zeros(rows)  # of the last slot's deviation, own standard deviations
        self.share = np.ones(rows)  # what the last slot taught of a spread

    def take(self, values: Array, *, frozen: bool) -> Array:
        """Take one slot's values; a missing one leaves the device where it was."""
        left = values - self.base
        there = ~np.isnan(left)
        filled = np.where(there, left, 0.0)
        size = np.abs(filled)
        self.slots += there | (self.slots > 0)
        self.share = share = np.maximum(self._spread_share, 1 / np.maximum(self.slots, 1))
        first = self.slots == 1
        if np.count_nonzero(first):
            self.spread = np.where(first, np.maximum(size, self._least / 2), self.spread)
        limit = 3 * self.spread
        self.lately += self._base_share * np.where(there, values - self.lately, 0.0)
        if not frozen:
            self.base += self._base_share * clipped(filled, limit)
            step = share * (np.minimum(size, limit) * 1.2533 - self.spread)
            self.spread = np.maximum(self.spread + np.where(there, step, 0.0), self._least)
        sigmas = filled / self.spread
        self.size = np.abs(sigmas)
        score = clipped(sigmas, _OUTLIER)
        self.smooth += np.where(there, self._ewma * (score - self.smooth), 0.0)
        return scaled(self.smooth, self.variance, share, frozen=frozen, least=self._least_variance)

    def accept(self) -> None:
        """Take how things have been of late as the new normal."""
        self.base[:] = self.lately
        self.smooth[:] = 0.0


class Group:
    """Residuals (MPa) and independent shares of a group, made comparable."""

    MEMORY: Final = ("_smoothed", "_shared_var")

    def __init__(self, places: list[Place | None], neighbours: int, ewma: float, slots_a_day: int) -> None:
        devices = len(places)
        spread_slots = _SPREAD_DAYS * slots_a_day
        base_slots = _BASE_DAYS * slots_a_day, _SHARE_BASE_DAYS * slots_a_day
        self._smoothed = _Smoothed(devices, ewma, base_slots, spread_slots, _LEAST)
        self._slot = np.zeros((2, devices))
        self._shared_var = np.zeros(devices)
        self.near = nearest(places, min(neighbours, devices))

    @property
    def usual(self) -> tuple[Array, Array]:
        """What residuals are slowly about, and their spread, MPa."""
        return self._smoothed.base[0], self._smoothed.spread[0]

    def score(self, residual: Array, share: Array, *, frozen: bool, young: NDArray[np.bool_] | None) -> Scores:
        """Take one slot; a missing one leaves the device where it was, a `young` one has no say yet (None: nobody)."""
        self._slot[0], self._slot[1] = residual, share
        smoothed = self._smoothed
        told = smoothed.take(self._slot, frozen=frozen)
        own, alone = told if young is None else np.where(young, 0.0, told)
        near = alone[self.near]
        together = np.add.reduce(clipped(near, _ALONE), axis=1) / near.shape[1]
        shared = scaled(together, self._shared_var, smoothed.share[1], frozen=frozen)
        risen = highest(shared)
        if self.near.shape[1] >= _FEW:
            near.sort(axis=1)
            shared = np.minimum(shared, _FEW_SAY * near[:, _FEW - 1])
            risen = max(risen, _FEW_SAY * highest(near[:, -_FEW]))
        return Scores(own, smoothed.size[0], alone, shared if young is None else np.where(young, 0.0, shared), risen)

    def accept(self) -> None:
        """Take how things have been of late as the new normal."""
        self._smoothed.accept()


def scaled(
    value: Array, variance: Array, share: Array, *, frozen: bool, least: Array | float = _LEAST_VARIANCE
) -> Array:
    """Return the value in units of its own deviation; `variance` learns in place, no more than 9 of itself a slot."""
    if not frozen:
        most = np.where(variance > 0, 9 * variance, np.inf)
        variance += share * (np.minimum(value * value, most) - variance)
    out: Array = value / np.sqrt(np.maximum(variance, least))
    return out
