"""From a slot's numbers to comparable ones: own spread, EWMA, neighbours smoothed together.

Source: design study (EWMA 0.4), smoothed over the nearest neighbours, because a real fall of pressure is
shared by those around it: residuals show who is below, independent shares (`whitening`) whether it is one event.
Cost: vectors of n a slot. Cold start: spreads are learned over three days, of each hydrant from its own first reading.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from services.alerts.detectors.expectation import Array, clipped
from services.alerts.detectors.finding import Place
from services.alerts.detectors.nearest import nearest

_OUTLIER: Final = 8.0  # own deviations: larger ones add nothing
_ALONE: Final = 4.0  # the most that one hydrant adds to its neighbours: one alone is no event of the mains
_FEW: Final = 3  # neighbours that are far below, when the others are not: a pressure zone of three hydrants
_FEW_SAY: Final = 1.2  # times the least of them: chance makes three neighbours so deep as rarely as all eight together
_SPREAD_DAYS: Final = 7.0
_BASE_DAYS: Final = 1.0  # for residuals, which contain a hydrant's own slow course
_SHARE_BASE_DAYS: Final = 3.0


class Scores(NamedTuple):
    """In own standard deviations, negative below what is expected.

    `own` of what common courses do not explain; `alone` of what is independent of all others; `shared` of `alone` with
    its neighbours: all of them a little below, or a few of them far. `risen` is the same upwards, of who rose most.
    """

    own: Array
    alone: Array
    shared: Array
    risen: float


class Smoothed:
    """One number of each hydrant against its own slow base and spread, as an EWMA of unit variance."""

    MEMORY: Final = ("base", "spread", "_lately", "_smooth", "_variance", "_slots")

    def __init__(self, devices: int, ewma: float, base_slots: float, spread_slots: float, least: float) -> None:
        self._ewma, self._least = ewma, least
        self._base_share, self._spread_share = 1 / base_slots, 1 / spread_slots
        self.base = np.zeros(devices)
        self.spread = np.zeros(devices)
        self._lately = np.zeros(devices)  # mean over the time of the base, whatever stands
        self._smooth = np.zeros(devices)
        self._variance = np.zeros(devices)
        self._slots = np.zeros(devices)  # since the first value of each
        self.share = np.ones(devices)  # what the last slot taught of a spread

    def take(self, values: Array, *, frozen: bool) -> Array:
        """Take one slot's values; a missing one leaves the device where it was."""
        left = values - self.base
        there = ~np.isnan(left)
        filled = np.where(there, left, 0.0)
        size = np.abs(filled)
        self._slots += there | (self._slots > 0)
        self.share = share = np.maximum(self._spread_share, 1 / np.maximum(self._slots, 1))
        first = self._slots == 1
        if first.any():
            self.spread = np.where(first, np.maximum(size, self._least / 2), self.spread)
        limit = 3 * self.spread
        self._lately = self._lately + self._base_share * np.where(there, values - self._lately, 0.0)
        if not frozen:
            self.base = self.base + self._base_share * clipped(filled, limit)
            step = share * (np.minimum(size, limit) * 1.2533 - self.spread)
            self.spread = np.maximum(self.spread + np.where(there, step, 0.0), self._least)
        score = clipped(filled / self.spread, _OUTLIER)
        self._smooth = np.where(there, self._smooth + self._ewma * (score - self._smooth), self._smooth)
        return scaled(self._smooth, self._variance, share, frozen=frozen)

    def accept(self) -> None:
        """Take how things have been of late as the new normal."""
        self.base = self._lately
        self._smooth = np.zeros(len(self.base))


class Group:
    """Residuals (MPa) and independent shares of a group, made comparable."""

    MEMORY: Final = ("residuals", "shares", "_shared_var")

    def __init__(self, places: list[Place | None], neighbours: int, ewma: float, slots_a_day: int) -> None:
        devices = len(places)
        spread_slots = _SPREAD_DAYS * slots_a_day
        self.residuals = Smoothed(devices, ewma, _BASE_DAYS * slots_a_day, spread_slots, 2e-4)
        self.shares = Smoothed(devices, ewma, _SHARE_BASE_DAYS * slots_a_day, spread_slots, 0.2)
        self._shared_var = np.zeros(devices)
        self.near = nearest(places, min(neighbours, devices))

    def score(self, residual: Array, share: Array, *, frozen: bool, young: np.ndarray) -> Scores:
        """Take one slot; a missing one leaves the device where it was, a `young` one has no say yet."""
        own = np.where(young, 0.0, self.residuals.take(residual, frozen=frozen))
        alone = np.where(young, 0.0, self.shares.take(share, frozen=frozen))
        near = alone[self.near]
        together = clipped(near, _ALONE).mean(axis=1)
        shared = scaled(together, self._shared_var, self.shares.share, frozen=frozen)
        risen = float(shared.max())
        if self.near.shape[1] >= _FEW:
            near.sort(axis=1)
            shared = np.minimum(shared, _FEW_SAY * near[:, _FEW - 1])
            risen = max(risen, _FEW_SAY * float(near[:, -_FEW].max()))
        return Scores(own, alone, np.where(young, 0.0, shared), risen)

    def accept(self) -> None:
        """Take how things have been of late as the new normal."""
        self.residuals.accept()
        self.shares.accept()


def scaled(value: Array, variance: Array, share: Array, *, frozen: bool) -> Array:
    """Return the value in units of its own deviation; `variance` learns in place, no more than 9 of itself a slot."""
    if not frozen:
        most = np.where(variance > 0, 9 * variance, np.inf)
        variance += share * (np.minimum(value * value, most) - variance)
    out: Array = value / np.sqrt(np.maximum(variance, 0.01))
    return out
