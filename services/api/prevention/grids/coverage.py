"""What grids share and what they leave out: overlaps, gaps, and what lies outside its parent. Pure.

Reported, never refused (contract 12). Areas are of a plane laid through the middle of the grids at hand, right within a
county; what is narrower than two borders digitised apart is nothing. Promises an end, whatever was drawn: borders that
meet too often are named instead of being compared, and so is that the time was over.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from math import cos, pi, radians
from typing import Any, Final, NamedTuple

import numpy as np
import shapely
from shapely import STRtree
from shapely.geometry import Polygon

from services.api.prevention.grids.tangles import are_tangled

NARROW_M: Final = 5.0
"""Two people who trace one river or road on a satellite map differ by some metres."""
MOST_FINDINGS: Final = 1000
_LEAST_M2: Final = pi * (NARROW_M / 2) ** 2  # of what is nowhere narrower: the disc that fits into it
_M_PER_DEG: Final = 111_195.0  # of a great circle: 6371 km
Names = tuple[str, ...]


class Fault(StrEnum):
    """What does not fit."""

    OVERLAP = "overlap"  # two grids of one parent share ground
    GAP = "gap"  # a parent's ground that no child has; without a parent: enclosed by grids and in none
    BEYOND = "beyond"  # a child's ground outside its parent
    UNCHECKED = "unchecked"  # two borders that cannot be compared: they meet too often; without grids: not all were


class Grid(NamedTuple):
    """A grid as it is compared."""

    id: str
    parent: str | None
    border: Any  # of shapely, in degrees


class Finding(NamedTuple):
    """One thing that does not fit, and the middle of it."""

    fault: Fault
    grids: Names
    area_m2: float
    lon: float
    lat: float


class _TimeOver(Exception):
    """What is not compared yet stays so."""


def find_faults(grids: Sequence[Grid], is_over: Callable[[], bool] = lambda: False) -> list[Finding]:
    """Return what does not fit among some grids: what could not be compared first, then the largest.

    `is_over` is asked between two steps, each of which is bounded, whether the time for it has gone.
    """
    if not grids:
        return []
    plane = _Plane([one.border for one in grids])
    flat = {one.id: plane.lay(one.border) for one in grids}
    families: dict[str | None, list[Grid]] = {}
    for one in grids:
        # whose parent is not among them stands by itself
        families.setdefault(one.parent if one.parent in flat else None, []).append(one)
    told = _Told(plane)

    def go_on() -> None:
        if is_over():
            raise _TimeOver

    try:
        for parent, children in families.items():
            _compare(parent, children, flat, told, go_on)
    except _TimeOver:
        told.add_unchecked((), shapely.Point(0, 0))
    return told.largest()


def _compare(
    parent: str | None, children: Sequence[Grid], flat: Mapping[str, Any], told: "_Told", go_on: Callable[[], None]
) -> None:
    """Tell what does not fit among the grids of one parent."""
    shapes = [flat[one.id] for one in children]
    all_compared = True
    tree = STRtree(shapes)
    for number, shape in enumerate(shapes):
        for other in sorted(tree.query(shape).tolist()):
            if other <= number:
                continue
            go_on()
            names = tuple(sorted((children[number].id, children[other].id)))
            all_compared &= told.add(Fault.OVERLAP, names, shapely.intersection, shape, shapes[other])
    ground = None if parent is None else flat[parent]
    for one, shape in zip(children, shapes, strict=True):
        if parent is not None:
            go_on()
            all_compared &= told.add(Fault.BEYOND, (one.id, parent), shapely.difference, shape, ground)
    if not all_compared:
        return  # all of them together would be as tangled as the two
    go_on()
    whole = _tried(shapely.union_all, shapes)
    go_on()
    if whole is None:
        told.add_unchecked((), shapes[0].centroid)
        return
    if parent is not None:
        told.add_pieces(Fault.GAP, (parent,), shapely.difference(ground, whole))
        return
    for part in shapely.get_parts(whole).tolist():
        told.add_pieces(Fault.GAP, (), shapely.polygons(shapely.get_rings(part)[1:]))


def _tried(compare: Callable[..., Any], *borders: Any) -> Any | None:
    """Return what GEOS makes of some borders; None: it cannot, as of one that was broken in the database."""
    try:
        return compare(*borders)
    except shapely.GEOSException:
        return None


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

    def place(self, point: Any) -> tuple[float, float]:
        """Return longitude and latitude of a point on the plane."""
        lon, lat = (np.array([point.x, point.y]) / self._scale + self._middle).round(6).tolist()
        return lon, lat


class _Told:
    """What was found so far; of very much, the largest."""

    def __init__(self, plane: _Plane) -> None:
        self._plane = plane
        self._found: list[Finding] = []

    def add(self, fault: Fault, names: Names, compare: Callable[[Any, Any], Any], one: Any, other: Any) -> bool:
        """Compare two borders and tell what comes of it; return whether they could be compared."""
        pieces = None if are_tangled(one, other) else _tried(compare, one, other)
        if pieces is None:
            self.add_unchecked(names, one.envelope.intersection(other.envelope).centroid)
            return False
        self.add_pieces(fault, names, pieces)
        return True

    def add_unchecked(self, names: Names, middle: Any) -> None:
        """Tell of grids that are not compared; without names: of some."""
        self._found.append(Finding(Fault.UNCHECKED, names, 0.0, *self._plane.place(middle)))

    def add_pieces(self, fault: Fault, names: Names, pieces: Any) -> None:
        """Tell of the pieces that are no mere difference between two borders, each place by itself."""
        parts = shapely.get_parts(pieces)
        areas = shapely.area(parts)
        count = 0
        for number in np.argsort(-areas, kind="stable").tolist():
            if areas[number] < _LEAST_M2 or count == MOST_FINDINGS:
                break
            part = parts[number]
            if not isinstance(part, Polygon) or part.buffer(-NARROW_M / 2).is_empty:
                continue
            place = self._plane.place(part.representative_point())
            self._found.append(Finding(fault, names, round(part.area, 1), *place))
            count += 1
        if len(self._found) > 2 * MOST_FINDINGS:
            self._found = self.largest()

    def largest(self) -> list[Finding]:
        """Return what could not be compared, then what was found, the largest first."""
        self._found.sort(key=lambda one: (one.fault is not Fault.UNCHECKED, -one.area_m2, one.fault, one.grids))
        return self._found[:MOST_FINDINGS]
