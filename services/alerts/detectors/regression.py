"""A linear explanation learned as it runs: least squares with fading memory, solved anew every `batch` lessons.

Source: any text on least squares; a small ridge stands in for what is not known yet. Cost: k products a lesson, and one
solution of k equations a batch (about 20 us at k = 6). Memory: k^2 numbers and one batch. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import mul
from typing import Final

import numpy as np

_RIDGE: Final = 1e-4  # in squares of a cause: causes are of the order of one


class Regression:
    """Coefficients of a linear explanation of one quantity by `size` others; all nothing until a batch is full."""

    MEMORY: Final = ("_lessons", "_moments", "weights")

    __slots__ = ("_batch", "_keep", "_lessons", "_moments", "_ridge", "weights")

    def __init__(self, size: int, keep: float, batch: int) -> None:
        self._keep = keep**batch
        self._batch = batch
        self._lessons: list[tuple[float, ...]] = []
        self._moments = np.zeros((size + 1, size + 1))  # of the causes and, last, of what they explain
        self._ridge = np.eye(size) * _RIDGE
        self.weights = [0.0] * size

    def expect(self, causes: Sequence[float]) -> float:
        """Return what the causes explain."""
        explained: float = sum(map(mul, self.weights, causes))
        return explained

    def learn(self, causes: Sequence[float], value: float) -> None:
        """Take what was seen at these causes."""
        waiting = self._lessons
        waiting.append((*causes, value))
        if len(waiting) < self._batch:
            return
        size = len(self._moments)
        lessons = np.fromiter(chain.from_iterable(waiting), float, size * len(waiting)).reshape(-1, size)
        waiting.clear()
        self._moments = self._keep * self._moments + lessons.T @ lessons
        known, seen = self._moments[:-1, :-1], self._moments[:-1, -1]
        self.weights = np.linalg.solve(known + self._ridge, seen).tolist()
