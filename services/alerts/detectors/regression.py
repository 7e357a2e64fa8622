"""A linear explanation learned as it runs: least squares with fading memory, solved anew every `batch` lessons.

Source: any text on least squares; a small ridge stands in for what is not known yet. Cost: k products a lesson, and one
solution of k equations a batch (about 20 us at k = 6). Memory: k^2 numbers and one batch, all of it from the start: a
county's circuits would otherwise grow by tens of megabytes between two solutions. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final

import numpy as np

_RIDGE: Final = 1e-4  # in squares of a cause: causes are of the order of one


class Regression:
    """Coefficients of a linear explanation of one quantity by `size` others; all nothing until a batch is full.

    What causes explain is the sum of their products with `weights`.
    """

    MEMORY: Final = ("_lessons", "_moments", "weights")

    __slots__ = ("_end", "_keep", "_moments", "_next", "_pack", "_ridge", "_room", "_row", "_rows", "weights")

    def __init__(self, size: int, keep: float, batch: int) -> None:
        self._keep = keep**batch
        self._row = Struct(f"{size + 1}d")
        self._pack = self._row.pack_into
        self._rows = np.zeros((batch, size + 1))
        self._room = self._rows.data.cast("B")  # theirs: to ask for it costs as much as a lesson
        self._next = 0  # byte of it where the next lesson goes
        self._end = batch * self._row.size
        self._moments = np.zeros((size + 1, size + 1))  # of the causes and, last, of what they explain
        self._ridge = np.eye(size) * _RIDGE
        self.weights = [0.0] * size

    def learn(self, causes: Sequence[float], value: float) -> None:
        """Take what was seen at these causes."""
        place = self._next
        self._pack(self._room, place, *causes, value)
        self._next = place = place + self._row.size
        if place < self._end:
            return
        self._next = 0
        self._moments = self._keep * self._moments + self._rows.T @ self._rows
        known, seen = self._moments[:-1, :-1], self._moments[:-1, -1]
        self.weights = np.linalg.solve(known + self._ridge, seen).tolist()

    @property
    def _lessons(self) -> list[tuple[float, ...]]:
        """The lessons since the last solution, as they are remembered."""
        return [tuple(row) for row in self._rows[: self._next // self._row.size].tolist()]

    @_lessons.setter
    def _lessons(self, lessons: Sequence[Sequence[float]]) -> None:
        for number, lesson in enumerate(lessons):
            self._pack(self._room, number * self._row.size, *lesson)
        self._next = len(lessons) * self._row.size
