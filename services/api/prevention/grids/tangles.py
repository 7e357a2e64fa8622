"""Whether two borders meet so often that comparing them would take minutes and gigabytes. Pure; asked by coverage.

What two combs laid across each other share is a piece for each pair of teeth: of 1600 positions each, 160 000 pieces. A
border that people draw meets its neighbour's a few times for each of its positions, where both follow one river.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree

FEW_MEETINGS: Final = 20_000
"""Compared in a tenth of a second, however few the positions are."""
MEETINGS_EACH: Final = 4
"""Of each position beyond: the same border drawn twice meets itself three times."""
_AT_ONCE: Final = 64  # segments, of which each may meet all of the other border

Numbers = npt.NDArray[np.float64]


def are_tangled(one: Any, other: Any) -> bool:
    """Whether the boxes of the segments of two borders meet more often than any that were drawn for use."""
    if shapely.get_num_coordinates(one) * shapely.get_num_coordinates(other) <= FEW_MEETINGS:
        return False
    bounds = np.array([one.bounds, other.bounds])
    common = np.concatenate([bounds[:, :2].max(axis=0), bounds[:, 2:].min(axis=0)])
    mine, theirs = (_segments_within(border, common) for border in (one, other))
    most = FEW_MEETINGS + MEETINGS_EACH * (len(mine) + len(theirs))
    if len(mine) * len(theirs) <= most:
        return False
    tree, count = STRtree(shapely.linestrings(mine)), 0
    for begin in range(0, len(theirs), _AT_ONCE):
        count += tree.query(shapely.linestrings(theirs[begin : begin + _AT_ONCE])).shape[1]
        if count > most:
            return True
    return False


def _segments_within(border: Any, box: Numbers) -> Numbers:
    """Return the segments of a border, as pairs of positions, whose own box meets `box`."""
    points, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(border)), return_index=True)
    inside_a_ring = ring[1:] == ring[:-1]
    segments = np.stack([points[:-1], points[1:]], axis=1)[inside_a_ring]
    low, high = segments.min(axis=1), segments.max(axis=1)
    kept: Numbers = segments[((low <= box[2:]) & (high >= box[:2])).all(axis=1)]
    return kept
