"""From residuals to comparable numbers: own spread, EWMA, neighbours smoothed together.

Source: reference note, layer 4 (EWMA 0.4 of residuals), smoothed over the nearest neighbours, because a real fall of
pressure is shared by those around it. Cost: vectors of n a slot. Cold start: spreads are learned over three days,
of each hydrant from its own first reading.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from services.alerts.detectors.expectation import Array
from services.alerts.detectors.finding import Place

_OUTLIER: Final = 8.0  # own deviations: more says no more
_ALONE: Final = 6.0  # what one hydrant may add to those around it: one alone is no event of the mains
_SPREAD_DAYS: Final = 7.0
_BASE_DAYS: Final = 1.0


class Scores(NamedTuple):
    """In own standard deviations, negative below what is expected: each alone, and with its neighbours."""

    own: Array
    shared: Array


class Group:
    """Slow base, spreads and smoothing of a group's residuals (MPa)."""

    MEMORY: Final = ("base", "_lately", "spread", "_smooth", "_smooth_var", "_shared_var", "_slots")

    def __init__(self, places: list[Place | None], neighbours: int, ewma: float, slots_a_day: int) -> None:
        devices = len(places)
        self._ewma = ewma
        self._base_share = 1 / (_BASE_DAYS * slots_a_day)
        self._spread_share = 1 / (_SPREAD_DAYS * slots_a_day)
        self.base = np.zeros(devices)
        self._lately = np.zeros(devices)  # mean residual of about a day, whatever stands
        self.spread = np.zeros(devices)
        self._smooth = np.zeros(devices)
        self._smooth_var = np.zeros(devices)
        self._shared_var = np.zeros(devices)
        self._slots = np.zeros(devices)  # since the first reading of each
        self.near = _nearest(places, min(neighbours, devices))

    def score(self, residual: Array, *, frozen: bool, young: np.ndarray) -> Scores:
        """Take one slot's residuals; a missing one leaves the device where it was, a `young` one has no say yet."""
        left = residual - self.base
        there = ~np.isnan(left)
        filled = np.where(there, left, 0.0)
        self._slots += there | (self._slots > 0)
        share = np.maximum(self._spread_share, 1 / np.maximum(self._slots, 1))
        self.spread = np.where(self._slots == 1, np.maximum(np.abs(filled), 1e-4), self.spread)
        limit = 3 * self.spread
        self._lately = self._lately + self._base_share * np.where(there, residual - self._lately, 0.0)
        if not frozen:
            self.base = self.base + self._base_share * np.clip(filled, -limit, limit)
            step = share * (np.minimum(np.abs(filled), limit) * 1.2533 - self.spread)
            self.spread = np.maximum(self.spread + np.where(there, step, 0.0), 2e-4)
        score = np.clip(filled / self.spread, -_OUTLIER, _OUTLIER)
        self._smooth = np.where(there, self._smooth + self._ewma * (score - self._smooth), self._smooth)
        own = np.where(young, 0.0, self._scaled(self._smooth, self._smooth_var, share, frozen=frozen))
        shared = self._scaled(
            np.clip(own, -_ALONE, _ALONE)[self.near].mean(axis=1), self._shared_var, share, frozen=frozen
        )
        return Scores(own, np.where(young, 0.0, shared))

    def accept(self) -> None:
        """Take how things have been for a day as the new normal."""
        self.base = self._lately
        self._smooth = np.zeros(len(self.base))

    @staticmethod
    def _scaled(value: Array, variance: Array, share: Array, *, frozen: bool) -> Array:
        if not frozen:
            most = np.where(variance > 0, 9 * variance, np.inf)
            variance += share * (np.minimum(value * value, most) - variance)
        scaled: Array = value / np.sqrt(np.maximum(variance, 0.01))
        return scaled


def _nearest(places: list[Place | None], count: int) -> np.ndarray:
    """Return the numbers of each device's nearest ones, itself first; without a place it has only itself."""
    lon = np.array([np.nan if place is None else place.lon for place in places])
    lat = np.array([np.nan if place is None else place.lat for place in places])
    east = lon * np.cos(np.radians(np.nanmean(lat) if np.isfinite(lat).any() else 0.0))
    found = np.zeros((len(places), count), dtype=np.intp)
    for number in range(len(places)):
        away = np.hypot(east - east[number], lat - lat[number])
        away[np.isnan(away)] = np.inf
        away[number] = -1.0
        order = np.argsort(away, kind="stable")[:count]
        found[number] = np.where(np.isinf(away[order]), number, order)
    return found
