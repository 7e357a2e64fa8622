"""What each hydrant's pressure should be, given all others at the same moment: common factors learned from data.

Source: probabilistic principal components (Tipping and Bishop 1999) with Huber weights. In the design study joint
models did best, because the noise of demand is shared. The graph of the mains is not known: peers are learned.
Cost: a slot of n hydrants O(n k^2), about 1 us a reading at n = 100, k = 8; a new fit once a day, O(n^3), 5 ms.
Cold start: says nothing before its first fit. Memory: n x n numbers. A deviation teaches at most 4 of its
own deviations, so that an event does not become the expectation. A device that starts later than the others learns its
first day by itself: from its first value, unbounded.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_CLIP = 4.0  # own deviations that one slot may teach at most
_HUBER = 2.5  # beyond it a hydrant loses weight in the estimate of the common factors
_LEAST_VARIANCE = 1e-7  # MPa², the resolution of the instruments
_LEAST_LEFT = 0.001  # of a deviation: what a hydrant is said not to explain of itself at least
_ALMOST_NOTHING, _SOMETHING = 0.1, 0.3  # of a deviation: less is left of one that explains itself, more of all others


def zeroed(values: Array) -> Array:
    """Return the values, 0 for what is missing; a third of the cost of numpy's own, which looks for infinities too."""
    return np.where(np.isnan(values), 0.0, values)


def clipped(values: Array, most: Array | float) -> Array:
    """Return the values between `-most` and `most`: numpy's own takes twice as long for so few."""
    out: Array = np.minimum(np.maximum(values, -most), most)
    return out


def highest(values: Array) -> float:
    """Return the largest value, NaN if any is: numpy's own `max` takes three times as long for so few."""
    return float(values[values.argmax()])


def lowest(values: Array) -> float:
    """Return the smallest value, NaN if any is."""
    return float(values[values.argmin()])


class _Some(NamedTuple):
    """What the factors `of` a day say of those who measured: as far as it is the same from slot to slot."""

    of: Array
    there: NDArray[np.bool_]
    loadings: Array
    weight: Array
    weighted: Array
    known: Array
    prior: Array
    limit: Array


class Expectation:
    """Mean, covariance and factors of the pressures (MPa) of one group; NaN is a missing value."""

    MEMORY: Final = (
        "mean",
        "_moment",
        "_known",
        "_days",
        "_slots",
        "_sum",
        "_count",
        "_second",
        "_last",
        "_loadings",
        "_precision",
        "_noise",
    )

    def __init__(self, devices: int, factors: int, slots_a_day: int, memory_days: float) -> None:
        self._factors = min(factors, max(1, devices // 4))
        self._day = slots_a_day
        self._keep = float(np.exp(-1.0 / memory_days))
        self.mean = np.zeros(devices)
        self._moment = np.zeros((devices, devices))
        self._known = np.zeros(devices, dtype=bool)  # devices that have ever measured
        self._days = np.zeros(devices)  # learned, of each
        self._slots = 0
        self._sum = np.zeros(devices)
        self._count = np.zeros(devices)
        self._second = np.zeros((devices, devices))
        self._last = np.zeros(devices)
        self._loadings: Array | None = None
        self._precision = np.zeros(0)
        self._noise = np.ones(devices)
        self._answered: tuple[Array, tuple[Array, Array]] | None = None  # a slot is asked for twice
        self._some: _Some | None = None  # of the last slot: who measures is mostly the same
        self._eigen: tuple[Array, tuple[Array, Array]] | None = None  # of the covariance: the day's fit and whitening
        self._teaches: Array | None = None  # MPa, of the day
        self._unsure: tuple[Array, float] | None = None  # of the day whose noise this is
        # of the day's factors: how much of its deviation each hydrant leaves; None: all enough
        self._others: tuple[Array, Array | None] | None = None

    @property
    def uncertain(self) -> float:
        """How much of the smallest part of what was learned is uncertain: more devices than slots are nothing.

        It is a variance, MPa²: what one hydrant does by itself, times devices over slots that memory holds.
        """
        if self._unsure is None or self._unsure[0] is not self._noise:
            slots = max(1.0, min(float(self._days.max()), -1 / np.log(self._keep)) * self._day)
            variance = max(_LEAST_VARIANCE, float(np.median(self._noise)) * len(self.mean) / slots)
            self._unsure = self._noise, variance
        return self._unsure[1]

    @property
    def eigen(self) -> tuple[Array, Array]:
        """Eigenvalues (MPa²) and eigenvectors of what was learned; both who ask for them on a day get the same."""
        if self._eigen is None or self._eigen[0] is not self._moment:
            values, vectors = np.linalg.eigh(self._moment)
            self._eigen = self._moment, (values, vectors)
        return self._eigen[1]

    @property
    def ready(self) -> bool:
        """Whether there was a fit: at the end of the first day."""
        return self._loadings is not None

    def residuals(self, pressures: Array) -> tuple[Array, Array]:
        """Return (what the common factors do not explain, what they explain); NaN where nothing was measured."""
        if self._answered is not None and self._answered[0] is pressures:
            return self._answered[1]
        loadings = self._loadings
        if loadings is None:
            raise ValueError("nothing was learned yet: ask `ready` first")
        some = self._those(self._meet(pressures), loadings)
        deviation = pressures - self.mean
        if len(some.weight) < len(deviation):
            deviation = deviation[some.there]
        score = np.linalg.solve(some.known, some.weighted @ deviation)
        left = np.abs(deviation - some.loadings @ score)
        weight = some.weight * np.minimum(1.0, some.limit / np.maximum(left, 1e-9))
        weighted = some.loadings.T * weight
        score = np.linalg.solve(weighted @ some.loadings + some.prior, weighted @ deviation)
        explained = self.mean + loadings @ score
        self._answered = pressures, (pressures - explained, explained)
        return self._answered[1]

    def of_others(self, residual: Array) -> Array:
        """Return the residual (MPa) against what all others explain, where a hydrant explains almost all of itself.

        One that moves more than all others has a course of its own among the common ones: its residual is smaller than
        its noise, until another hydrant takes that place. What it adds to its own expectation is the leverage of least
        squares; an ordinary one adds little, and nothing is changed.
        """
        loadings = self._loadings
        if loadings is None:
            raise ValueError("nothing was learned yet: ask `ready` first")
        if self._others is None or self._others[0] is not loadings:
            weighted = loadings.T / self._noise
            known = weighted @ loadings + np.diag(self._precision)
            leverage = (weighted * np.linalg.solve(known, loadings.T)).sum(axis=0)
            left = np.maximum(1.0 - leverage, _LEAST_LEFT)
            ordinary = np.clip((left - _ALMOST_NOTHING) / (_SOMETHING - _ALMOST_NOTHING), 0.0, 1.0)
            self._others = loadings, left + ordinary * (1.0 - left) if ordinary.min() < 1.0 else None
        left_of = self._others[1]
        return residual if left_of is None else residual / left_of

    def _those(self, there: NDArray[np.bool_], loadings: Array) -> _Some:
        """Return the part of the factors that a slot needs, which is that of the slot before if the same measured."""
        some = self._some
        if some is None or some.of is not loadings or some.there.tobytes() != there.tobytes():
            noise, part, prior = self._noise[there], loadings[there], np.diag(self._precision)
            weight = 1 / noise
            weighted = part.T * weight
            limit = _HUBER * np.sqrt(noise)
            self._some = some = _Some(loadings, there, part, weight, weighted, weighted @ part + prior, prior, limit)
        return some

    def learn(self, pressures: Array, *, frozen: bool = False) -> bool:
        """Take one slot; return whether it ended a day, at which mean, covariance and factors move."""
        if self._loadings is None:
            value = np.where(self._meet(pressures), pressures, self._last)
        else:
            left, explained = self.residuals(pressures)
            if self._teaches is None:
                self._teaches = np.where(self._days > 0, _CLIP * np.sqrt(self._noise), np.inf)
            value = explained + clipped(zeroed(left), self._teaches)
        if not frozen:
            known = self._known
            self._last = np.where(known, value, self._last)
            deviation = np.where(known, value - self.mean, 0.0)
            self._sum += deviation
            self._count += known
            self._second += deviation[:, None] * deviation
        self._slots += 1
        if self._slots < self._day:
            return False
        self._end_day()
        return True

    def _meet(self, pressures: Array) -> NDArray[np.bool_]:
        """Return which devices measured; a device's first value is its expectation until more is known."""
        there: NDArray[np.bool_] = ~np.isnan(pressures)
        new = there & ~self._known
        if np.count_nonzero(new):
            self.mean = np.where(new, pressures, self.mean)
            self._last = np.where(new, pressures, self._last)
            self._known |= new
        return there

    def _end_day(self) -> None:
        self._slots = 0
        self._answered = self._teaches = None
        enough = self._count >= self._day / 4
        if enough.any():
            shift = np.where(enough, self._sum / np.maximum(self._count, 1), 0.0)
            together = np.minimum.outer(self._count, self._count)  # who is known stays known
            second = self._second / np.maximum(together, 1)
            self._days += enough
            # a plain mean at first, then fading memory; who taught too little today stays as it was
            share = np.where(enough, np.maximum(1.0 / np.maximum(self._days, 1), 1.0 - self._keep), 0.0)
            both = np.where(np.logical_and.outer(enough, enough), np.sqrt(np.outer(share, share)), 0.0)
            self.mean = self.mean + share * shift
            self._moment = (1 - both) * self._moment + both * (second - both * np.outer(shift, shift))
            self._fit()
        self._sum[:] = 0
        self._count[:] = 0
        self._second[:] = 0

    def _fit(self) -> None:
        values, vectors = self.eigen
        kept = self._factors
        variance = np.maximum(values[-kept:], 1e-9)
        loadings = vectors[:, -kept:]
        self._loadings, self._precision = loadings, 1 / variance
        self._noise = np.maximum((self._moment - (loadings * variance) @ loadings.T).diagonal(), _LEAST_VARIANCE)
