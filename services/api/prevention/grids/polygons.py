"""A grid's border as GeoJSON: read, judged, and made storable. Pure; used by PUT and by the import.

Promises that a border which is returned is valid by the rules of OGC (simple rings, holes inside, parts apart), runs as
RFC 7946 wants it and is in WGS 84; and that one which is refused is named by its place in the document, with the cure.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import shapely
from shapely.geometry import LinearRing, MultiPolygon, Polygon
from shapely.geometry.polygon import orient

from services.api.registry.datum import Datum, convert

MOST_RINGS: Final = 200
MOST_VERTICES: Final = 10_000
"""A township's border digitised from a map has some thousands."""
_DIGITS: Final = 7  # a centimetre, as the datum conversion has it
_FEWEST: Final = 4  # positions of a closed ring
_CHINA: Final = (73.0, 3.0, 136.0, 54.0)  # west, south, east, north
_LON, _LAT = 180.0, 90.0
_SAME_PLACE: Final = 1e-6  # degrees: 0.1 m, as the database has it
_FAR: Final = 1e12  # no unit of length makes more of a position
_FLAT: Final = "encloses nothing: a border has at least three different positions"

Point = tuple[float, float]  # lon, lat
Border: TypeAlias = Polygon | MultiPolygon


class BadPolygon(Exception):
    """The border is refused: which field, and how to mend it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


class Note(NamedTuple):
    """Something that was mended, which a person may want to know."""

    field: str
    message: str


class Read(NamedTuple):
    """A border as it is stored, and what was mended in it."""

    border: Border
    notes: list[Note]


class _Ring(NamedTuple):
    place: str
    points: list[Point]


def read_polygon(value: object, datum: Datum = Datum.WGS84, name: str = "polygon") -> Read:
    """Return the border of a GeoJSON Polygon or MultiPolygon; `name` is what its field is called.

    Raises:
        BadPolygon: it cannot be a grid's border.
    """
    parts = _parts(value, name)
    _check_places([ring for rings in parts for ring in rings])
    notes: list[Note] = []
    made = [_polygon([_in_wgs84(ring, datum) for ring in rings], notes) for rings in parts]
    border = made[0] if len(made) == 1 else MultiPolygon(made)
    if len(made) > 1 and not border.is_valid:
        raise BadPolygon(f"{name}.coordinates", f"two parts overlap near {_where(border)}: join them or draw one anew")
    return Read(border, notes)


def count_positions(value: object) -> int:
    """Return how many positions of a document `read_polygon` would look at, whether it is a border or not."""
    given = value.get("coordinates") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(given, list):
        return 0
    parts = given if value.get("type") == "MultiPolygon" else [given]
    rings = (ring for part in parts if isinstance(part, list) for ring in part)
    return min(sum(len(ring) for ring in rings if isinstance(ring, list)), MOST_VERTICES)


def rings_of(border: Border) -> Iterator[tuple[int, int, list[Point]]]:
    """Return the rings: part, number (0 is the border, others are holes) and points."""
    parts = border.geoms if isinstance(border, MultiPolygon) else [border]
    for part, polygon in enumerate(parts):
        for number, ring in enumerate((polygon.exterior, *polygon.interiors)):
            yield part, number, list(ring.coords)


def geojson_of(border: Border) -> dict[str, Any]:
    """Return the border as GeoJSON."""
    found: dict[str, Any] = shapely.geometry.mapping(border)
    return {"type": found["type"], "coordinates": _lists(found["coordinates"])}


def _lists(value: Any) -> Any:
    return [_lists(one) for one in value] if isinstance(value, tuple | list) else value


def _parts(value: object, name: str) -> list[list[_Ring]]:
    """Take the document apart, within its bounds."""
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str) or kind not in {"Polygon", "MultiPolygon"}:
        raise BadPolygon(f"{name}.type", "must be a GeoJSON Polygon or MultiPolygon with `coordinates`")
    place, given = f"{name}.coordinates", value.get("coordinates")
    several = kind == "MultiPolygon"
    if not isinstance(given, list) or not given:
        raise BadPolygon(place, "must be a list of rings" if not several else "must be a list of polygons")
    parts, count, vertices = [], 0, 0
    for number, rings in enumerate(given if several else [given]):
        at = f"{place}.{number}" if several else place
        if not isinstance(rings, list) or not rings:
            raise BadPolygon(at, "must be a list of rings")
        count += len(rings)
        if count > MOST_RINGS:
            raise BadPolygon(place, f"at most {MOST_RINGS} rings: make several grids of it")
        found = []
        for index, ring in enumerate(rings):
            vertices += len(ring) if isinstance(ring, list) else 0
            if vertices > MOST_VERTICES:
                raise BadPolygon(place, f"at most {MOST_VERTICES} positions: simplify the border")
            found.append(_Ring(f"{at}.{index}", _points(ring, f"{at}.{index}")))
        parts.append(found)
    return parts


def _points(ring: object, place: str) -> list[Point]:
    if not isinstance(ring, list):
        raise BadPolygon(place, "must be a list of positions [lon, lat]")
    points = [_point(position, f"{place}.{number}") for number, position in enumerate(ring)]
    if not points or points[0] != points[-1]:
        raise BadPolygon(place, "is not closed: repeat its first position at the end")
    return points


def _point(position: object, place: str) -> Point:
    if isinstance(position, list) and len(position) in {2, 3}:  # a height is ignored
        lon, lat = position[0], position[1]
        if _is_number(lon) and _is_number(lat):
            return float(lon), float(lat)
    raise BadPolygon(place, "must be a position [lon, lat] of two numbers")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _FAR  # never NaN


def _check_places(rings: Sequence[_Ring]) -> None:
    """Refuse what cannot be degrees, and what has longitude and latitude exchanged."""
    points = [point for ring in rings for point in ring.points]
    bad = next(
        (
            f"{ring.place}.{number}"
            for ring in rings
            for number, (lon, lat) in enumerate(ring.points)
            if abs(lon) > _LON or abs(lat) > _LAT
        ),
        None,
    )
    turned = [(lat, lon) for lon, lat in points]
    if (bad is not None or not _all_in_china(points)) and _all_in_china(turned):
        place = bad or f"{rings[0].place}.0"
        raise BadPolygon(place, "longitude and latitude have changed places: write [lon, lat], as [111.09, 39.02]")
    if bad is not None:
        raise BadPolygon(
            bad, "is no position in degrees: export the layer in WGS 84 or CGCS2000 longitude and latitude"
        )


def _all_in_china(points: Sequence[Point]) -> bool:
    west, south, east, north = _CHINA
    return all(west <= lon <= east and south <= lat <= north for lon, lat in points)


def _in_wgs84(ring: _Ring, datum: Datum) -> _Ring:
    """Convert and round, and drop what then repeats the position before."""
    kept: list[Point] = []
    for lon, lat in ring.points:
        point = (round(lon, _DIGITS), round(lat, _DIGITS)) if datum is Datum.WGS84 else convert(lon, lat, datum)
        if not kept or point != kept[-1]:
            kept.append(point)
    if len(kept) < _FEWEST:
        raise BadPolygon(ring.place, _FLAT)
    return _Ring(ring.place, kept)


def _polygon(rings: Sequence[_Ring], notes: list[Note]) -> Polygon:
    for number, ring in enumerate(rings):
        _check_ring(ring)
        if LinearRing(ring.points).is_ccw == (number > 0):
            way = "a hole runs clockwise" if number else "a border runs anticlockwise"
            notes.append(Note(ring.place, f"{way} (RFC 7946): it ran the other way and was turned"))
    polygon = Polygon(rings[0].points, [ring.points for ring in rings[1:]])
    if not polygon.is_valid:
        raise BadPolygon(_wrong_hole(rings, polygon), "holes must lie inside the border and apart from each other")
    return orient(polygon)


def _check_ring(ring: _Ring) -> None:
    alone = Polygon(ring.points)
    if alone.convex_hull.area == 0:
        raise BadPolygon(ring.place, _FLAT)
    if alone.is_valid:
        return
    if shapely.is_valid_reason(alone).startswith("Ring"):  # Ring Self-intersection
        cure = "make two parts of a MultiPolygon, or a hole, of it"
        raise BadPolygon(ring.place, f"touches itself near {_where(alone)}: {cure}")
    raise BadPolygon(ring.place, f"crosses itself near {_where(alone)}: draw it anew there")


def _where(shape: Border) -> str:
    """Return where GEOS found the fault, as `lon, lat`."""
    return ", ".join(shapely.is_valid_reason(shape).partition("[")[2].rstrip("]").split(" "))


def _wrong_hole(rings: Sequence[_Ring], polygon: Polygon) -> str:
    """Return the place of the hole at which GEOS found the fault; of the polygon, where holes together cut it in two.

    To ask each hole of each other one would take minutes of holes drawn for that.
    """
    reason = shapely.is_valid_reason(polygon)
    if reason.startswith("Interior"):  # Interior is disconnected
        return rings[0].place.rpartition(".")[0]
    point = shapely.Point(*map(float, _where(polygon).split(", ")))
    away = shapely.distance([LinearRing(ring.points) for ring in rings], point)
    return rings[int(np.flatnonzero(away <= away.min() + _SAME_PLACE)[-1])].place
