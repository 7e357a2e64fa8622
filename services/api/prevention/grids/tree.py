"""Which grid stands below which: no circles, and few levels. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

MOST_LEVELS: Final = 6
"""County, township, village, grid, smaller grid, and one to spare."""
_HIDDEN: Final = "…"


class Tree(NamedTuple):
    """Below which grid each stands, and which of them are not to be named to who asks."""

    parents: dict[str, str | None]
    hidden: frozenset[str] = frozenset()


def fault_of(grid: str, parent: str | None, tree: Tree) -> str | None:
    """Return what forbids that `grid` stands below `parent`, or None. `tree` is how all others stand now."""
    if parent is None:
        return None
    above = [grid]
    at: str | None = parent
    while at is not None:
        if at in above:
            circle = " < ".join(_named([*above, at], tree.hidden))
            return f"would make a circle: {circle}; choose a grid that is not below this one"
        above.append(at)
        at = tree.parents.get(at)
    if len(above) + _levels_below(grid, tree.parents) > MOST_LEVELS:
        return f"grids stand in at most {MOST_LEVELS} levels; choose one further up"
    return None


def _named(grids: Sequence[str], hidden: frozenset[str]) -> Iterator[str]:
    """Name grids, but for those that are hidden: one sign, however many follow each other."""
    for is_hidden, run in groupby(grids, hidden.__contains__):
        yield from [_HIDDEN] if is_hidden else run


def _levels_below(grid: str, parents: Mapping[str, str | None]) -> int:
    """Return how many levels stand below `grid`."""
    levels, level = -1, {grid}
    while level and levels < MOST_LEVELS:
        levels += 1
        level = {one for one, parent in parents.items() if parent in level}
    return levels
