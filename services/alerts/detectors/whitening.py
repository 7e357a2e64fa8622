"""Each hydrant's own share of a slot's deviations: of unit variance, and independent of everybody else's.

Source: symmetric whitening ("ZCA": Kessy, Lewin and Strimmer, The American Statistician 72, 2018): the inverse square
root of the covariance, which is the rotation that keeps every share nearest to its own hydrant. Where demand differs
from node to node by chance alone, covariance is the square of how mains answer to a draw; its root is that answer, and
what is left after dividing by it is how much more than usual is drawn at each place. Unlike a residual from a few
common courses it does not lose what a burst has in common with ordinary demand, but weighs it by how often that
happens. Cost: one or two products of n x n a slot, and a solution of as many equations as measured or as did not,
whichever are fewer. Cold start: that of the covariance.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.alerts.detectors.expectation import Array, zeroed

_MOST_SIGMAS: Final = 6.0  # the most that one sensor may differ from what all others expect of it
_MOST_LIARS: Final = 8  # so often within a slot


class Whitening:
    """The root of one covariance, of which `eigen` are the eigenvalues (MPa²) and eigenvectors.

    `ridge` (MPa²) is added for how little of it is known.
    """

    def __init__(self, eigen: tuple[Array, Array], ridge: float) -> None:
        values, vectors = eigen
        values = np.maximum(values, 0.0) + ridge
        self._eigen = values, vectors
        self._covariance: Array | None = None  # made where more are missing than measured
        self._root: Array = (vectors / np.sqrt(values)) @ vectors.T
        self._precision: Array = (vectors / values) @ vectors.T
        self._own = np.sqrt(self._precision.diagonal())

    def shares(self, deviation: Array) -> Array:
        """Return the share of each, NaN where nothing was measured.

        A missing value counts as what all others expect. A value further from that than `_MOST_SIGMAS` counts as just
        that far, the worst first: otherwise one wrong sensor would disturb those around it.
        """
        return np.where(np.isnan(deviation), np.nan, self.rotated(self.held(deviation)))

    def rotated(self, deviations: Array) -> Array:
        """Return the shares of a slot, or of many (rows), in which nothing is missing any more."""
        shares: Array = deviations @ self._root
        return shares

    def held(self, deviation: Array) -> Array:
        """Return the deviation with what is missing, and what is further off than it can be, as `shares` says."""
        filled = zeroed(deviation)
        self._fill(filled, ~np.isnan(deviation))
        return self.bounded(filled)

    def bounded(self, filled: Array) -> Array:
        """Hold within bounds, in place, who of those who all measured is further off than it can be."""
        precision = self._precision
        surprise = precision @ filled
        for _ in range(_MOST_LIARS):
            sigmas = surprise / self._own
            worst = int(np.abs(sigmas).argmax())
            over = float(sigmas[worst])
            if abs(over) <= _MOST_SIGMAS:
                break
            over -= np.copysign(_MOST_SIGMAS, over)
            step = over / self._own[worst]
            filled[worst] -= step
            surprise = surprise - step * precision[:, worst]
        return filled

    def _fill(self, filled: Array, there: NDArray[np.bool_]) -> None:
        """Put who is missing where all others expect it: by precision or by covariance, which say the same."""
        missing = (~there).nonzero()[0]
        if 2 * missing.size > len(there):
            if self._covariance is None:
                values, vectors = self._eigen
                self._covariance = (vectors * values) @ vectors.T
            here = there.nonzero()[0]
            those = self._covariance[here]
            filled[missing] = np.linalg.solve(those[:, here], filled[here]) @ those[:, missing]
        elif missing.size:
            pull = self._precision[missing] @ filled
            filled[missing] = -np.linalg.solve(self._precision[np.ix_(missing, missing)], pull)
