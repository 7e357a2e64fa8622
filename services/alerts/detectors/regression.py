"""A straight explanation learned while it runs: recursive least squares with fading memory.

Source: any text on adaptive filters (Haykin). Cost: k^2 multiplications an update, 10 us at k = 5. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence


class Regression:
    """Coefficients of a linear explanation of one quantity by `size` others."""

    __slots__ = ("_inverse", "_keep", "weights")

    def __init__(self, size: int, keep: float, unsure: float = 1e4) -> None:
        self._keep = keep
        self.weights = [0.0] * size
        self._inverse = [[unsure if i == j else 0.0 for j in range(size)] for i in range(size)]

    def expect(self, causes: Sequence[float]) -> float:
        """Return what the causes explain."""
        return sum(weight * cause for weight, cause in zip(self.weights, causes, strict=True))

    def learn(self, causes: Sequence[float], error: float) -> None:
        """Take what the explanation missed by at these causes."""
        inverse, keep = self._inverse, self._keep
        gain = [sum(cell * cause for cell, cause in zip(row, causes, strict=True)) for row in inverse]
        scale = keep + sum(g * cause for g, cause in zip(gain, causes, strict=True))
        self.weights = [weight + g / scale * error for weight, g in zip(self.weights, gain, strict=True)]
        fade = 1.0 / keep if sum(inverse[i][i] for i in range(len(gain))) < 1e6 else 1.0
        self._inverse = [
            [(cell - gi * gj / scale) * fade for cell, gj in zip(row, gain, strict=True)]
            for row, gi in zip(inverse, gain, strict=True)
        ]
