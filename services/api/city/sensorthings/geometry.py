"""Places and shapes without PostGIS: reads WKT, and relates a point in SQL to a shape (DE-9IM).

All our places are points. So each relation of 18-088 section 9.3.3.5.2 comes down to three cases (a point in the shape,
on its border, or outside), and to whether the DE-9IM matrix of that case fits the relation's patterns (OGC 06-103r4,
section 6.1.15).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from services.api.city.sensorthings.refusals import refused, unsupported

MOST_POINTS: Final = 2000
# possessive quantifiers: a text that does not match is given up after one pass, whatever is in it
_NUMBER: Final = r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?"
POINT: Final = re.compile(rf"\s*+({_NUMBER})\s++({_NUMBER})(?:\s++{_NUMBER}){{0,2}}\s*+")
WHOLE: Final = re.compile(
    r"\s*+(?:SRID=(\d++);)?\s*+(MULTI)?(POINT|LINESTRING|POLYGON)\s*+(?:ZM|Z|M)?\s*+(\(.*\))\s*+",
    re.IGNORECASE | re.DOTALL,
)
_WGS84: Final = {None, "4326", "4490"}
_EPSILON: Final = 1e-12  # square degrees: far below a millimetre
Condition = sa.ColumnElement[bool]
Pairs = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Place:
    """A point in SQL: longitude and latitude."""

    lon: sa.ColumnElement[float]
    lat: sa.ColumnElement[float]


@dataclass(frozen=True, slots=True)
class Shape:
    """A geometry of the request that is no single point: its lines, each a list of points."""

    dimension: int  # 0 several points, 1 lines, 2 areas
    lines: tuple[tuple[tuple[float, float], ...], ...]

    def length(self) -> float:
        """Return the length in degrees; of an area, that of its border."""
        if self.dimension == 0:
            return 0.0
        return sum(math.dist(a, b) for line in self.lines for a, b in pairwise(line))


def read_wkt(text: str) -> Place | Shape:
    """Return the geometry of a WKT literal.

    Raises:
        Problem: 400.
    """
    match = WHOLE.fullmatch(text)
    if match is None:
        if re.match(r"\s*GEOMETRYCOLLECTION", text, re.IGNORECASE):
            raise unsupported("GEOMETRYCOLLECTION")
        raise refused(f"geography: cannot read «{text[:60]}»; write WKT as POLYGON((lon lat, …))")
    system, many, kind, body = match[1], bool(match[2]), match[3].upper(), match[4]
    if system not in _WGS84:
        raise refused(f"geography: SRID {system} is not supported; positions are longitude, latitude in WGS 84")
    deep = {"POINT": 1, "LINESTRING": 1, "POLYGON": 2}[kind] + many
    if kind == "POINT" and many and not re.match(r"\(\s*\(", body):
        deep = 1  # MULTIPOINT(1 2, 3 4)
    lines = _lines(body, deep)
    if sum(map(len, lines)) > MOST_POINTS:
        raise refused(f"geography: at most {MOST_POINTS} points")
    if kind == "POINT":
        return _one_or_more(lines, many=many)
    if kind == "LINESTRING" and min(map(len, lines)) < 2:
        raise refused("geography: a LINESTRING has two points or more")
    if kind == "POLYGON" and any(len(line) < 4 or line[0] != line[-1] for line in lines):
        raise refused("geography: a ring of a POLYGON has four points or more and ends where it begins")
    return Shape(1 if kind == "LINESTRING" else 2, lines)


def _one_or_more(lines: tuple[tuple[tuple[float, float], ...], ...], *, many: bool) -> Place | Shape:
    points = tuple(dict.fromkeys(point for line in lines for point in line))
    if not many and len(points) != 1:
        raise refused("geography: a POINT has one position")
    if len(points) == 1:
        return Place(sa.literal(points[0][0], sa.Double()), sa.literal(points[0][1], sa.Double()))
    return Shape(0, (points,))


def _lines(body: str, deep: int) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return the innermost lists of points of `body`, which has `deep` levels of brackets."""
    text = body.strip()
    depth, begin, found = 0, 0, []
    for place, character in enumerate(text):
        if character == "(":
            depth += 1
            begin = place + 1
        elif character == ")":
            if depth == deep:
                found.append(_points(text[begin:place]))
            depth -= 1
        elif depth < deep and character not in ", \t\n":
            raise refused("geography: brackets do not fit the kind of geometry")
        if depth > deep or (depth == 0 and place < len(text) - 1):
            raise refused("geography: brackets do not fit the kind of geometry")
    if depth or not found:
        raise refused("geography: brackets do not fit the kind of geometry")
    return tuple(found)


def _points(text: str) -> tuple[tuple[float, float], ...]:
    points = []
    for part in text.split(","):
        match = POINT.fullmatch(part)
        if match is None:
            raise refused(f"geography: «{part.strip()[:40]}» is no position; write longitude, blank, latitude")
        lon, lat = float(match[1]), float(match[2])
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise refused("geography: a position is not a number")
        points.append((lon, lat))
    return tuple(points)


# --- how a point lies to a shape -------------------------------------------------------------------------------------

PATTERNS: Final = {
    "st_equals": ("T*F**FFF*",),
    "st_disjoint": ("FF*FF****",),
    "st_touches": ("FT*******", "F**T*****", "F***T****"),
    "st_within": ("T*F**F***",),
    "st_contains": ("T*****FF*",),
    "st_intersects": ("T********", "*T*******", "***T*****", "****T****"),
    "geo.intersects": ("T********", "*T*******", "***T*****", "****T****"),
}
# Overlapping and crossing depend on the dimensions: what we compare is a point with something, and a point that is a
# part of a larger thing neither overlaps nor crosses it; the larger thing crosses no single point either.
NEVER: Final = frozenset({"st_overlaps", "st_crosses"})


def relate(left: Place | Shape, right: Place | Shape, patterns: Sequence[str]) -> Condition:
    """Return whether the DE-9IM matrix of the two fits one of the patterns.

    Raises:
        Problem: 501, neither is a point.
    """
    if isinstance(left, Shape):
        if isinstance(right, Shape):
            raise unsupported("a relation between two shapes of the request")
        return relate(right, left, [_transposed(pattern) for pattern in patterns])
    if isinstance(right, Place):
        same = sa.and_(left.lon == right.lon, left.lat == right.lat)
        return _either(patterns, left, [("0FFFFFFF2", same), ("FF0FFF0F2", sa.not_(same))])
    inside, border = _cases(left, right)
    rest = {0: "0F2", 1: "102" if _ends(right) else "1F2", 2: "212"}[right.dimension]
    return _either(
        patterns,
        left,
        [
            (f"0FFFFF{rest}", inside),
            (f"F0FFFF{rest}", border),
            (f"FF0FFF{rest}", sa.not_(sa.or_(inside, border))),
        ],
    )


def _either(patterns: Sequence[str], place: Place, cases: list[tuple[str, Condition]]) -> Condition:
    """Return the cases whose matrix fits; what has no place is in none of them."""
    fitting = [condition for matrix, condition in cases if any(_fits(matrix, pattern) for pattern in patterns)]
    if not fitting:
        return sa.false()
    if len(fitting) == len(cases):
        return place.lon.is_not(None)
    return sa.and_(place.lon.is_not(None), sa.or_(*fitting))


def _fits(matrix: str, pattern: str) -> bool:
    return all(
        wanted in {"*", found} or (wanted == "T" and found != "F")
        for found, wanted in zip(matrix, pattern, strict=True)
    )


def read_pattern(text: str) -> str:
    """Return a pattern of `st_relate`.

    Raises:
        Problem: 400.
    """
    if re.fullmatch(r"[TF*012]{9}", text, re.IGNORECASE) is None:
        raise refused("st_relate: the pattern is nine of T, F, *, 0, 1, 2")
    return text.upper()


def _transposed(pattern: str) -> str:
    return "".join(pattern[row + 3 * column] for row in range(3) for column in range(3))


def _ends(shape: Shape) -> list[tuple[float, float]]:
    """Return the border of lines: the points where an odd number of them ends."""
    ends: dict[tuple[float, float], int] = {}
    for line in shape.lines:
        for point in (line[0], line[-1]):
            ends[point] = ends.get(point, 0) + 1
    return [point for point, count in ends.items() if count % 2]


def _cases(place: Place, shape: Shape) -> tuple[Condition, Condition]:
    """Return when a point is inside a shape, and when on its border."""
    points = [point for line in shape.lines for point in line]
    if shape.dimension == 0:
        return _one_of(place, points), sa.false()
    near = sa.and_(
        place.lon.between(min(lon for lon, _ in points), max(lon for lon, _ in points)),
        place.lat.between(min(lat for _, lat in points), max(lat for _, lat in points)),
    )
    edges = [(a, b) for line in shape.lines for a, b in pairwise(line)]
    on_edge, odd = _edges(place, edges)
    if shape.dimension == 1:
        ends = _one_of(place, _ends(shape)) if _ends(shape) else sa.false()
        return sa.and_(near, on_edge, sa.not_(ends)), ends
    return sa.and_(near, odd, sa.not_(on_edge)), sa.and_(near, on_edge)


def _one_of(place: Place, points: Pairs) -> Condition:
    return sa.or_(*[sa.and_(place.lon == lon, place.lat == lat) for lon, lat in points[:MOST_POINTS]])


def _edges(
    place: Place, edges: Sequence[tuple[tuple[float, float], tuple[float, float]]]
) -> tuple[Condition, Condition]:
    """Return whether a point lies on an edge, and whether a ray from it to the east crosses an odd number of them."""

    def column(end: int, axis: int) -> sa.BindParameter[Any]:
        return sa.literal([edge[end][axis] for edge in edges], ARRAY(sa.Double()))

    def edge() -> Any:
        columns = (column(0, 0), column(0, 1), column(1, 0), column(1, 1))
        names: list[Any] = [sa.column(name, sa.Double()) for name in ("x1", "y1", "x2", "y2")]
        return sa.func.unnest(*columns).table_valued(*names).render_derived()

    one, other, lon, lat = edge(), edge(), place.lon, place.lat
    on_edge = sa.exists(
        sa.select(sa.literal(1)).select_from(one).where(
            lon.between(sa.func.least(one.c.x1, one.c.x2), sa.func.greatest(one.c.x1, one.c.x2)),
            lat.between(sa.func.least(one.c.y1, one.c.y2), sa.func.greatest(one.c.y1, one.c.y2)),
            sa.func.abs((one.c.x2 - one.c.x1) * (lat - one.c.y1) - (one.c.y2 - one.c.y1) * (lon - one.c.x1)) < _EPSILON,
        )
    )  # fmt: skip
    crossing = other.c.x1 + (other.c.x2 - other.c.x1) * (lat - other.c.y1) / sa.func.nullif(other.c.y2 - other.c.y1, 0)
    odd = (
        sa.select(sa.func.count() % 2 == 1)
        .select_from(other)
        .where((other.c.y1 > lat) != (other.c.y2 > lat), lon < crossing)
        .scalar_subquery()
    )
    return on_edge, odd
