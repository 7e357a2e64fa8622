"""The parameters of a collection request: limit, bbox, datetime, reference systems, filters. SQLAlchemy Core only.

Used by the routes. Promises 400 with the name of the parameter and the cure for everything that is not understood
(17-069r4, 7.15.2 to 7.15.8), and that no value becomes SQL.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.api.city.features.collections import Collection
from services.api.city.features.devices import Column, Context
from services.api.request.fields import BIGINT
from services.api.request.paging import decode_cursor
from services.api.request.problems import Problem

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG4326 = "http://www.opengis.net/def/crs/EPSG/0/4326"
EPSG4490 = "http://www.opengis.net/def/crs/EPSG/0/4490"  # CGCS2000: for our accuracy the same as WGS 84
CRS = (CRS84, EPSG4490, EPSG4326)
LATITUDE_FIRST = frozenset({EPSG4490, EPSG4326})
DEFAULT_LIMIT, MOST = 100, 1000
CONTROLS = ("limit", "bbox", "bbox-crs", "crs", "datetime", "cursor", "f")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# RFC 3339 5.6; also without seconds or the colon of the offset, and with a blank for T
_AT = re.compile(r"\d{4}-\d\d-\d\d[T+]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_LEAP = re.compile(r"(?<=:\d\d):60(?=[.Z+-])", re.ASCII)
_SHOWN = timedelta(milliseconds=1)  # times of features are shown so exactly
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def bad(name: str, message: str) -> Problem:
    """Return the refusal of one parameter: 400, as the standard wants it."""
    return Problem(400, "bad_parameter", f"{name}: {message}", errors=[{"field": name, "message": message}])


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed request. `conditions` apply to the count as well, the place only to the page.

    `matched` is the count of the first page: it stays the same while somebody reads on, and is not counted again.
    """

    limit: int
    crs: str
    conditions: tuple[sa.ColumnElement[bool], ...]
    after: int | str | None
    matched: int | None = None
    judged: Mapping[str, bool] = field(default_factory=dict)

    @property
    def latitude_first(self) -> bool:
        """Whether coordinates are written latitude, longitude."""
        return self.crs in LATITUDE_FIRST


def read_query(collection: Collection, context: Context, sent: Sequence[tuple[str, str]]) -> Query:
    """Parse the parameters of a request for items.

    Raises:
        Problem: 400, one of them is unknown, comes twice or cannot be read.
    """
    given = _single(sent, (*CONTROLS, *collection.names))
    conditions = [
        _equals(collection, context, name, value) for name, value in given.items() if name in collection.filters
    ]
    judged = {name: _truth(name, value) for name, value in given.items() if name in collection.judged}
    box_crs = _crs("bbox-crs", given.get("bbox-crs", CRS84))
    if "bbox" in given:
        conditions.append(_in_box(collection, read_box(given["bbox"], box_crs)))
    if "datetime" in given:
        begin, end = read_datetime(given["datetime"])
        if collection.span is not None:
            conditions += _during(collection.span, begin, end)
    kind = int if isinstance(collection.key.type, sa.Integer) else str
    after, matched = _place(given.get("cursor"), kind)
    return Query(_limit(given.get("limit")), read_crs(given), tuple(conditions), after, matched, judged)


def _place(cursor: str | None, kind: type) -> tuple[Any, int | None]:
    try:
        return decode_cursor(cursor, kind, int) or (None, None)
    except Problem:
        raise bad("cursor", "is not one of this collection; start again without it") from None


def read_crs(given: Mapping[str, str]) -> str:
    """Return the reference system of the answer."""
    return _crs("crs", given.get("crs", CRS84))


def _single(sent: Sequence[tuple[str, str]], known: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in sent:
        if name not in known:
            raise bad(name, f"is unknown here; there are {', '.join(sorted(known))}")
        if name in given and given[name] != value:
            raise bad(name, "was sent twice with different values")
        given[name] = value
    return given


def only_format(sent: Sequence[tuple[str, str]], *more: str) -> dict[str, str]:
    """Return the parameters of a request that takes `f` and `more` alone."""
    return _single(sent, ("f", *more))


def _limit(value: str | None) -> int:
    if value is None:
        return DEFAULT_LIMIT
    if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) > 0):
        raise bad("limit", f"must be a whole number from 1; more than {MOST} is answered with {MOST} at a time")
    return min(int(value), MOST)  # 7.15.2 D: too large is no error


def _crs(name: str, value: str) -> str:
    plain = value.strip("[]")
    plain = {"OGC:CRS84": CRS84, "EPSG:4326": EPSG4326, "EPSG:4490": EPSG4490}.get(plain, plain)
    if plain not in CRS:
        raise bad(name, f"must be one of {', '.join(CRS)}")
    return plain


def read_box(value: str, crs: str) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a box of four numbers, or of six with heights, which are ignored."""
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 6) or not all(math.isfinite(number) for number in numbers):
        raise bad("bbox", "must be four numbers as 110.9,38.7,111.3,39.1: west, south, east, north")
    half = len(numbers) // 2
    west, south, east, north = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    if crs in LATITUDE_FIRST:
        west, south, east, north = south, west, north, east
    if south > north:
        raise bad("bbox", "the southern edge lies north of the northern edge")
    return west, south, east, north


def _in_box(collection: Collection, box: tuple[float, float, float, float]) -> sa.ColumnElement[bool]:
    west, south, east, north = box
    lon, touches = collection.lon, collection.touches
    if touches is not None:
        if west > east:  # across the antimeridian (7.15.3)
            return sa.or_(touches(west, south, 180.0, north), touches(-180.0, south, east, north))
        return touches(west, south, east, north)
    within = collection.lat.between(south, north)
    if west > east:
        return sa.and_(within, sa.or_(lon >= west, lon <= east))
    return sa.and_(within, lon.between(west, east))


def read_datetime(value: str) -> tuple[datetime | None, datetime | None]:
    """Return the bounds of an instant or interval, both inclusive; None is open."""
    parts = value.split("/")
    if len(parts) > 2 or (len(parts) == 2 and all(part in ("", "..") for part in parts)):
        raise bad("datetime", "must be a time or two, as 2026-11-28T00:00:00Z/.. (not both open)")
    bounds = [None if part in ("", "..") and len(parts) == 2 else _moment(part) for part in parts]
    begin, end = bounds[0], bounds[-1]
    if end is not None:  # what is named is meant with all of it: a day, or the millisecond that a feature shows
        whole = timedelta(days=1) if _DAY.fullmatch(parts[-1]) else _SHOWN if end.microsecond % 1000 == 0 else None
        end += timedelta(0) if whole is None else whole - timedelta.resolution
    if begin is not None and end is not None and begin > end:
        raise bad("datetime", "its end lies before its beginning")
    return begin, end


def _moment(text: str) -> datetime:
    cure = "must be RFC 3339 with Z or an offset, as 2026-11-28T08:00:00+08:00, or a day (of UTC), as 2026-11-28"
    text = text.upper().replace(" ", "+")  # an unescaped + arrives as a blank
    if _DAY.fullmatch(text):
        text += "T00:00:00Z"
    if not _AT.fullmatch(text):
        raise bad("datetime", cure)
    try:
        at = datetime.fromisoformat(_LEAP.sub(":59", text))
        return max(_FIRST, min(at.astimezone(UTC), _LAST))
    except (ValueError, OverflowError):
        raise bad("datetime", cure) from None


def _during(span: tuple[Column, Column], begin: datetime | None, end: datetime | None) -> list[sa.ColumnElement[bool]]:
    since, until = span
    found: list[sa.ColumnElement[bool]] = []
    if end is not None:
        found.append(since <= end)
    if begin is not None:
        found.append(sa.or_(until.is_(None), until >= begin))
    return found


def _equals(collection: Collection, context: Context, name: str, value: str) -> sa.ColumnElement[bool]:
    column, kind = collection.column_of(name, context), collection.type_of(name)
    if "\0" in value or len(value) > 300:
        raise bad(name, "must be a text of at most 300 characters without NUL")
    if kind == "boolean":
        return column.is_(_truth(name, value))
    if kind == "integer":  # the number may be larger than any in the column
        return sa.cast(column, sa.BigInteger) == whole_number(name, value)
    if kind == "number":
        return column == _number(name, value)
    return column == value


def _number(name: str, value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise bad(name, "must be a number")
    return found


def _truth(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise bad(name, "must be true or false")
    return value == "true"


def whole_number(name: str, value: str) -> int:
    """Return a whole number of 64 bits."""
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and abs(int(value)) <= BIGINT):
        raise bad(name, "must be a whole number")
    return int(value)


def page_of(collection: Collection, context: Context, query: Query) -> "sa.Select[Any]":
    """Return the statement of a page: one row more than the limit, so that an end is known as such."""
    key, shape = collection.key, collection.shape
    places = [collection.lon.label("flon"), collection.lat.label("flat")] if shape is None else [shape.label("fshape")]
    statement = (
        collection.select(context)
        .add_columns(key.label("fkey"), collection.fid.label("fid"))
        .add_columns(*places)
        .where(*query.conditions)
    )
    if query.after is not None:
        statement = statement.where(key < query.after if collection.newest_first else key > query.after)
    return statement.order_by(key.desc() if collection.newest_first else key).limit(query.limit + 1)


def count_of(collection: Collection, context: Context, query: Query) -> "sa.Select[Any]":
    """Return the statement that counts all features of a query."""
    matching = collection.select(context).where(*query.conditions).with_only_columns(collection.key.label("fkey"))
    return sa.select(sa.func.count().label("all")).select_from(matching.order_by(None).subquery())
