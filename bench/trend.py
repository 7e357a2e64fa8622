"""Whether a series rises: its slope by Theil and Sen, which no single peak bends, held against its own noise. Pure.

Called by `bench.soak`. The first third of a run is left out: programs fill their caches then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

_SETTLING = 3  # the part of a run that is left out, as its divisor
_MOST_POINTS = 300  # of more, neighbours are put together
_NOISE = 1.4826  # from a median deviation to a standard deviation
_LEAST = 6


@dataclass(frozen=True, slots=True)
class Trend:
    """How a series went: `growth` is what the slope makes of the rest of the run; `allowed` what noise explains."""

    per_hour: float
    growth: float
    allowed: float

    @property
    def is_flat(self) -> bool:
        """Whether it does not rise beyond its noise."""
        return self.growth <= self.allowed


def trend(series: Sequence[tuple[float, float]], *, least: float) -> Trend | None:
    """Return the trend of a series of (hours, value), None for too few points; growth below `least` does not count."""
    points = _thinned(series[len(series) // _SETTLING :])
    if len(points) < _LEAST:
        return None
    slope = median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if b[0] > a[0])
    level = median(value - slope * at for at, value in points)
    noise = _NOISE * median(abs(value - level - slope * at) for at, value in points)
    return Trend(slope, slope * (points[-1][0] - points[0][0]), max(3 * noise, least))


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    step = -(-len(points) // _MOST_POINTS)
    if step <= 1:
        return points
    parts = [points[at : at + step] for at in range(0, len(points), step)]
    return [(median(at for at, _ in part), median(value for _, value in part)) for part in parts]
