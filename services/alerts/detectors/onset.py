"""Events at their onset: what the last quarter of an hour lost against what the hour before it foretells.

Source: our own; all hydrants' past foretells each, as pairs of them do in LILA (Daniel et al. 2022), and what that
leaves is whitened (`whitening`). Most of how pressures vary is the hour of the day and the course of tanks, which half
an hour ago already showed: without it what is left is smaller, and an event is not. It speaks for half an hour, then
the event itself is the past; whether it lasts is for `group` to say. What all shares have in common is taken off: the
hour moves all alike, a burst does not. Used by `mains`.
Cost: two products of n x n and ten vectors of n a slot, about 1 us a reading at n = 100; once a day a product, a
solution and eigenvectors, 8 ms. Memory: 24 n² bytes and a day of slots. Cold start: four days, one more for spreads.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.alerts.detectors.expectation import Array, clipped, highest, lowest
from services.alerts.detectors.finding import Place
from services.alerts.detectors.nearest import nearest
from services.alerts.detectors.whitening import Whitening

_NOW_S: Final = 900  # whose mean is judged
_PAST_S: Final = 1800  # whose mean foretells it, and how long ago it ended
_LEVEL_S: Final = 6 * 3600  # how long what lasts is remembered
_DAY_S: Final = 86_400
_LEAST_DAYS: Final = 4  # a regression on n hydrants from fewer foretells the days it was made of
_SPREAD_DAYS: Final = 7.0
_RIDGE: Final = 5.0  # times what is uncertain of the covariance of all slots: two were estimated here
_OUTLIER: Final = 8.0  # own deviations: larger ones add nothing
_ALONE: Final = 4.0  # the most that one hydrant adds to its neighbours
_SUSPECT: Final = 4.0  # deviations: below it nobody is held, so nobody is looked at
_EACH: Final = 3  # slots overlap: more of them say little more of a spread
_LEAST_SPREAD: Final = 0.1


class Sudden(NamedTuple):
    """In own standard deviations, negative below what was foretold: each alone, with its neighbours, who rose most."""

    alone: Array
    shared: Array
    risen: float


class _Model(NamedTuple):
    """What foretells now from before, the whitening of what it leaves, and both at once: shares of (now, before)."""

    foretells: Array
    whitening: Whitening
    shares: NDArray[np.float32]  # single precision: what a slot has to read is half as much


class Onset:
    """What falls suddenly in one group of hydrants."""

    MEMORY: Final = (
        "_seen",
        "_teaches",
        "_kept",
        "_run",
        "_last_s",
        "_moment",
        "_days",
        "_ridge",
        "_spread",
        "_shared_spread",
        "_spread_days",
        "_level",
    )

    def __init__(self, places: list[Place | None], neighbours: int, slot_s: int, memory_days: float) -> None:
        devices, self._slot_s = len(places), slot_s
        self.near = nearest(places, max(1, min(neighbours, devices // 4)))  # of a small town all are no neighbours
        self._around = np.zeros((devices, devices), dtype=np.float32)  # weights of a mean over the neighbours
        np.add.at(self._around, (np.arange(devices)[:, None], self.near), 1.0 / self.near.shape[1])
        self._now = max(1, round(_NOW_S / slot_s))
        self._ago = self._past = max(self._now, round(_PAST_S / slot_s))
        self._back = self._ago + self._past
        self._day = _DAY_S // slot_s
        self._forgets = 1.0 - float(np.exp(-1.0 / memory_days))
        rows = self._day + self._back - 1  # a day, and what it looks back to
        self._seen = np.zeros((rows, devices), dtype=np.float32)  # MPa
        self._teaches = np.zeros(rows, dtype=bool)
        self._kept = 0  # of these rows
        self._run = 0  # slots without a gap
        self._last_s = 0
        self._moment = np.zeros((2 * devices, 2 * devices), dtype=np.float32)  # MPa²: of now and before
        self._days = 0
        self._ridge = 0.0
        self._spread = np.ones(devices)
        self._shared_spread = np.ones(devices)
        self._spread_days = 0
        self._level = np.zeros(devices)  # what lasts of shares: a loss that stays is sudden once
        self._adapts = slot_s / _LEVEL_S
        self._model: _Model | None = None  # of the day

    def take(
        self, ended_s: int, held: Array, mean: Array, uncertain: float, *, frozen: bool, young: NDArray[np.bool_] | None
    ) -> Sudden | None:
        """Take one slot of pressures without gaps (MPa); None while too little is known.

        `mean` is what is usual, `uncertain` (MPa²) how little is known of what varies; nothing is learned while
        `frozen`. A `young` hydrant has no say yet (None: nobody is young).
        """
        self._run = self._run + 1 if ended_s - self._last_s == self._slot_s else 1
        self._last_s = ended_s
        whole = self._run >= self._back
        self._seen[self._kept] = held
        self._teaches[self._kept] = whole and not frozen
        self._kept += 1
        told = self._judge(mean, young) if whole and self._spread_days else None
        if self._kept == len(self._seen):
            self._end_day(mean, uncertain)
        return told

    def _judge(self, mean: Array, young: NDArray[np.bool_] | None) -> Sudden:
        model, seen, kept = self._made(), self._seen, self._kept
        now = np.add.reduce(seen[kept - self._now : kept]) / self._now - mean
        before = np.add.reduce(seen[kept - self._back : kept - self._ago]) / self._past - mean
        shares: Array = (model.shares @ np.concatenate((now, before)).astype(np.float32)).astype(float)
        if max(highest(shares), -lowest(shares)) > _SUSPECT:
            shares = model.whitening.rotated(model.whitening.bounded(now - model.foretells @ before))
        fresh = shares - _middle(shares) - self._level
        self._level = self._level + self._adapts * clipped(fresh, _ALONE * self._spread)
        alone = clipped(fresh / self._spread, _OUTLIER)
        if young is not None:
            alone = np.where(young, 0.0, alone)
        shared = self._around @ clipped(alone, _ALONE).astype(np.float32) / self._shared_spread
        return Sudden(alone, shared, highest(shared))

    def _made(self) -> _Model:
        """Return the model that the days before gave."""
        if self._model is None:
            devices = len(self._spread)
            moment = self._moment.astype(float)
            now, both, before = moment[:devices, :devices], moment[:devices, devices:], moment[devices:, devices:]
            foretells = np.linalg.solve(before + self._ridge * np.eye(devices), both.T).T
            cross = foretells @ both.T
            left = now - cross - cross.T + foretells @ before @ foretells.T
            whitening = Whitening(np.linalg.eigh((left + left.T) / 2), _RIDGE * self._ridge)
            root = whitening.rotated(np.eye(devices))
            shares = np.hstack((root, -root @ foretells)).astype(np.float32)
            self._model = _Model(foretells, whitening, shares)
        return self._model

    def _end_day(self, mean: Array, uncertain: float) -> None:
        rows = np.flatnonzero(self._teaches)
        if len(rows) >= self._day / 4:
            sums = np.vstack((np.zeros(len(mean)), np.cumsum(self._seen - mean, axis=0)))
            after = rows + 1
            now = (sums[after] - sums[after - self._now]) / self._now
            before = (sums[after - self._ago] - sums[after - self._back]) / self._past
            if self._days >= _LEAST_DAYS:
                self._measure(now[::_EACH], before[::_EACH])
            both = np.hstack((now, before))
            both -= both.mean(axis=0)
            self._days += 1
            share = max(1.0 / self._days, self._forgets)
            moment = (1.0 - share) * self._moment + share / len(rows) * (both.T @ both)
            self._moment, self._ridge, self._model = moment.astype(np.float32), uncertain, None
        self._seen[: self._back - 1] = self._seen[self._day :].copy()
        self._teaches[:] = False
        self._kept = self._back - 1

    def _measure(self, now: Array, before: Array) -> None:
        """Learn from a day, which the regression did not know yet, how far shares spread."""
        shares = np.hstack((now, before)) @ self._made().shares.T
        shares -= np.median(shares, axis=1)[:, None]
        self._spread_days += 1
        share = max(1.0 / self._spread_days, 1.0 / _SPREAD_DAYS)
        self._spread = self._spread + share * (_spread_of(shares) - self._spread)
        shared = clipped(shares / self._spread, _ALONE) @ self._around.T
        self._shared_spread = self._shared_spread + share * (_spread_of(shared) - self._shared_spread)


def _middle(values: Array) -> float:
    """Return the upper median; numpy's own takes five times as long for so few."""
    half, ordered = len(values) // 2, values.copy()
    ordered.partition(half)
    return float(ordered[half])


def _spread_of(values: Array) -> Array:
    """Return the standard deviation of each column about 0; what lies beyond 3 of it counts as 3."""
    size = np.abs(values)
    found: Array = np.maximum(1.2533 * np.minimum(size, 4.5 * np.median(size, axis=0)).mean(axis=0), _LEAST_SPREAD)
    return found
