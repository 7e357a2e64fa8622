"""What grids share and what they leave out: overlaps, gaps, and what lies outside its parent. Pure.

Reported, never refused (contract 12). Areas are of a plane laid through the middle of the grids at hand, right within a
county; what is narrower than two borders digitised apart is nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from math import cos, radians
from typing import Any, Final, NamedTuple

import numpy as np
import shapely
from shapely import STRtree
from shapely.geometry import MultiPolygon, Polygon

NARROW_M: Final = 5.0
"""Two people who trace one river or road on a satellite map differ by some metres."""
MOST_FINDINGS: Final = 1000
_M_PER_DEG: Final = 111_195.0  # of a great circle: 6371 km


class Fault(StrEnum):
    """What does not fit."""

    OVERLAP = "overlap"  # two grids of one parent share ground
    GAP = "gap"  # a parent's ground that no child has; without a parent: enclosed by grids and in none
    BEYOND = "beyond"  # a child's ground outside its parent


class Grid(NamedTuple):
    """A grid as it is compared."""

    id: str
    parent: str | None
    border: Any  # of shapely, in degrees


class Finding(NamedTuple):
    """One thing that does not fit, and the middle of it."""

    fault: Fault
    grids: tuple[str, ...]
    area_m2: float
    lon: float
    lat: float


def find_faults(grids: Sequence[Grid]) -> list[Finding]:
    """Return what does not fit among some grids, the largest first."""
    if not grids:
        return []
    plane = _Plane([one.border for one in grids])
    flat = {one.id: plane.lay(one.border) for one in grids}
    families: dict[str | None, list[Grid]] = {}
    for one in grids:
        # whose parent is not among them stands by itself
        families.setdefault(one.parent if one.parent in flat else None, []).append(one)
    found: list[Finding] = []
    for parent, children in families.items():
        found += plane.tell(Fault.OVERLAP, _overlaps(children, flat))
        whole = shapely.union_all([flat[one.id] for one in children])
        if parent is None:
            found += plane.tell(Fault.GAP, [((), hole) for hole in _enclosed(whole)])
            continue
        found += plane.tell(Fault.GAP, [((parent,), flat[parent].difference(whole))])
        outside = [((one.id, parent), flat[one.id].difference(flat[parent])) for one in children]
        found += plane.tell(Fault.BEYOND, outside)
    return sorted(found, key=lambda one: (-one.area_m2, one.fault, one.grids))[:MOST_FINDINGS]


def _overlaps(grids: Sequence[Grid], flat: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    shapes = [flat[one.id] for one in grids]
    found = []
    for one, other in STRtree(shapes).query(shapes, predicate="intersects").T.tolist():
        if one < other:
            names = sorted((grids[one].id, grids[other].id))
            found.append((tuple(names), shapes[one].intersection(shapes[other])))
    return found


def _enclosed(whole: Any) -> Iterable[Polygon]:
    parts = whole.geoms if isinstance(whole, MultiPolygon) else [whole]
    return [Polygon(ring) for part in parts for ring in part.interiors]


class _Plane:
    """Metres east and north of the middle of some borders."""

    def __init__(self, borders: Sequence[Any]) -> None:
        west, south, east, north = shapely.total_bounds(borders).tolist()
        self._middle = np.array([(west + east) / 2, (south + north) / 2])
        narrower = max(cos(radians(self._middle[1])), 0.01)
        self._scale = np.array([_M_PER_DEG * narrower, _M_PER_DEG])

    def lay(self, border: Any) -> Any:
        """Return the border on the plane."""
        return shapely.transform(border, lambda points: (points - self._middle) * self._scale)

    def tell(self, fault: Fault, pieces: Iterable[tuple[tuple[str, ...], Any]]) -> list[Finding]:
        """Return the pieces that are no mere difference between two borders, each place by itself."""
        found = []
        for grids, piece in pieces:
            for part in shapely.get_parts(piece).tolist():
                if not isinstance(part, Polygon) or part.buffer(-NARROW_M / 2).is_empty:
                    continue
                middle = part.representative_point()
                lon, lat = (np.array([middle.x, middle.y]) / self._scale + self._middle).round(6).tolist()
                found.append(Finding(fault, grids, round(part.area, 1), lon, lat))
        return found
