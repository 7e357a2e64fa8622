"""Which grid stands below which: no circles, and few levels. Pure."""

from collections.abc import Mapping
from typing import Final

MOST_LEVELS: Final = 6
"""County, township, village, grid, smaller grid, and one to spare."""


def fault_of(grid: str, parent: str | None, parents: Mapping[str, str | None]) -> str | None:
    """Return what forbids that `grid` stands below `parent`, or None. `parents` is how all others stand now."""
    if parent is None:
        return None
    above = [grid]
    at: str | None = parent
    while at is not None:
        if at in above:
            return f"would make a circle: {' < '.join([*above, at])}; choose a grid that is not below this one"
        above.append(at)
        at = parents.get(at)
    if len(above) + _levels_below(grid, parents) > MOST_LEVELS:
        return f"grids stand in at most {MOST_LEVELS} levels; choose one further up"
    return None


def _levels_below(grid: str, parents: Mapping[str, str | None]) -> int:
    """Return how many levels stand below `grid`."""
    levels, level = -1, {grid}
    while level and levels < MOST_LEVELS:
        levels += 1
        level = {one for one, parent in parents.items() if parent in level}
    return levels
