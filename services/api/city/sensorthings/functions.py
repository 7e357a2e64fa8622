"""The functions of `$filter` and `$orderby`: 18-088 section 9.3.3.5, and `contains` of OData 4. A line each.

Each takes values and gives a value; the number of arguments and what is built is checked in one place.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import sqlalchemy as sa

from services.api.city.sensorthings.geometry import NEVER, PATTERNS, Place, Shape, read_pattern, relate
from services.api.city.sensorthings.refusals import refused, unsupported
from services.api.city.sensorthings.rows import Column
from services.api.city.sensorthings.values import (
    WORDS,
    Clock,
    Day,
    Flag,
    Moment,
    Nothing,
    Number,
    ObservationId,
    Open,
    StreamId,
    Text,
    Value,
    number,
    quoted_moment,
)

Function = Callable[..., Value]
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def call(name: str, arguments: list[Value], now: datetime) -> Value:
    """Return what a function gives.

    Raises:
        Problem: 400 unknown, or other arguments than it takes; 501 known and not built.
    """
    if name == "now":
        _check_count(name, (0,), arguments)
        return Moment(sa.literal(now, sa.DateTime(timezone=True)))
    if name in NOT_BUILT:
        raise unsupported(f"the function {name}")
    found = FUNCTIONS.get(name)
    if found is None:
        raise refused(f"unknown function {name[:50]}")
    counts, function = found
    _check_count(name, counts, arguments)
    return function(name, *arguments)


def _check_count(name: str, counts: tuple[int, ...], arguments: list[Value]) -> None:
    if len(arguments) not in counts:
        raise refused(f"{name} takes {' or '.join(map(str, counts))} arguments, not {len(arguments)}")


def _wrong(name: str, wanted: str, value: Value) -> Exception:
    return refused(f"{name} takes {wanted}, not {WORDS[type(value)]}")


def _text(name: str, value: Value) -> Column:
    match value:
        case Text() | ObservationId():
            return value.sql
        case Number():
            return sa.cast(sa.cast(value.sql, sa.Numeric()), sa.Text())
        case StreamId():
            return sa.cast(value.sql, sa.Text())
        case Open():
            return sa.func.coalesce(value.text, sa.cast(value.num, sa.Text()))
        case Nothing():
            return sa.cast(sa.null(), sa.Text())
    raise _wrong(name, "a text", value)


def number_in(name: str, value: Value) -> Column:
    """Return a number for `name`.

    Raises:
        Problem: 400, the value is none.
    """
    match value:
        case Number() | StreamId():
            return sa.cast(value.sql, sa.Double())
        case Open():
            return value.num
        case Nothing():
            return sa.cast(sa.null(), sa.Double())
    raise _wrong(name, "a number", value)


def _whole(name: str, value: Value) -> Column:
    if not isinstance(value, Number) or value.literal is None or not value.literal.is_integer():
        raise _wrong(name, "a whole number", value)
    if not 0 <= value.literal < 2**31 - 1:
        raise refused(f"{name}: {value.literal:g} is out of range")
    return sa.literal(int(value.literal), sa.Integer())


def _time(name: str, value: Value) -> Column:
    match value:
        case Moment():
            return sa.func.timezone("UTC", value.sql)
        case Day():
            return sa.cast(value.sql, sa.DateTime())
        case Clock():
            return value.sql
        case Text() if value.literal is not None:
            return sa.func.timezone("UTC", quoted_moment(value.literal).sql)
    raise _wrong(name, "a time", value)


# --- text -------------------------------------------------------------------------------------------------------------


def _contains(name: str, whole: Value, part: Value) -> Value:
    return Flag(sa.func.strpos(_text(name, whole), _text(name, part)) > 0)


def _substringof(name: str, part: Value, whole: Value) -> Value:
    return _contains(name, whole, part)


def _startswith(name: str, whole: Value, part: Value) -> Value:
    return Flag(sa.func.starts_with(_text(name, whole), _text(name, part)))


def _endswith(name: str, whole: Value, part: Value) -> Value:
    text, end = _text(name, whole), _text(name, part)
    return Flag(sa.func.right(text, sa.func.length(end)) == end)


def _length(name: str, text: Value) -> Value:
    return Number(sa.cast(sa.func.length(_text(name, text)), sa.Double()))


def _indexof(name: str, whole: Value, part: Value) -> Value:
    return Number(sa.cast(sa.func.strpos(_text(name, whole), _text(name, part)) - 1, sa.Double()))


def _substring(name: str, text: Value, begin: Value, length: Value | None = None) -> Value:
    start = _whole(name, begin) + 1
    if length is None:
        return Text(sa.func.substr(_text(name, text), start))
    return Text(sa.func.substr(_text(name, text), start, _whole(name, length)))


def _of_text(sql: str) -> Function:
    def function(name: str, text: Value) -> Value:
        return Text(getattr(sa.func, sql)(_text(name, text)))

    return function


def _concat(name: str, one: Value, other: Value) -> Value:
    return Text(_text(name, one).concat(_text(name, other)))


# --- times ------------------------------------------------------------------------------------------------------------


def _part(part: str, *, whole: bool = True) -> Function:
    def function(name: str, value: Value) -> Value:
        if isinstance(value, Clock) and part in {"year", "month", "day"}:
            raise _wrong(name, "a time with its date", value)
        found: Column = sa.cast(sa.extract(part, _time(name, value)), sa.Double())
        return Number(sa.func.floor(found) if whole else found - sa.func.floor(found))

    return function


def _date(name: str, value: Value) -> Value:
    return Day(sa.cast(_time(name, value), sa.Date()))


def _clock(name: str, value: Value) -> Value:
    return Clock(sa.cast(_time(name, value), sa.Time()))


def _offset(name: str, value: Value) -> Value:
    if not isinstance(value, Moment):
        raise _wrong(name, "a time", value)
    return number(float(value.offset_min))


def _moment(moment: datetime) -> Function:
    def function(_name: str) -> Value:
        return Moment(sa.literal(moment, sa.DateTime(timezone=True)))

    return function


# --- numbers ----------------------------------------------------------------------------------------------------------


def _round(name: str, value: Value) -> Value:
    found = number_in(name, value)  # half away from zero; PostgreSQL rounds half of a double to even
    return Number(sa.func.sign(found) * sa.func.floor(sa.func.abs(found) + 0.5))


def _of_number(sql: str) -> Function:
    def function(name: str, value: Value) -> Value:
        return Number(getattr(sa.func, sql)(number_in(name, value)))

    return function


# --- places -----------------------------------------------------------------------------------------------------------


def _geometry(name: str, value: Value) -> Place | Shape:
    if not isinstance(value, Place | Shape):
        raise _wrong(name, "a position or geography'…'", value)
    return value


def _distance(name: str, one: Value, other: Value) -> Value:
    a, b = _geometry(name, one), _geometry(name, other)
    if isinstance(a, Shape) or isinstance(b, Shape):
        raise unsupported(f"{name} to anything but a POINT")
    return Number(sa.func.sqrt(sa.func.power(a.lon - b.lon, 2) + sa.func.power(a.lat - b.lat, 2)))


def _span(name: str, value: Value) -> Value:
    found = _geometry(name, value)
    if isinstance(found, Shape):
        return number(found.length())
    return Number(sa.case((found.lon.is_not(None), sa.literal(0.0, sa.Double()))))


def _relation(name: str, one: Value, other: Value) -> Value:
    a, b = _geometry(name, one), _geometry(name, other)
    return Flag(sa.false() if name in NEVER else relate(a, b, PATTERNS[name]))


def _relate(name: str, one: Value, other: Value, pattern: Value) -> Value:
    if not isinstance(pattern, Text) or pattern.literal is None:
        raise _wrong(name, "a pattern in quotes", pattern)
    return Flag(relate(_geometry(name, one), _geometry(name, other), [read_pattern(pattern.literal)]))


NOT_BUILT: Final = frozenset({"matchesPattern", "totalseconds", "hassubset", "hassubsequence", "geo.buffer"})
FUNCTIONS: Final[Mapping[str, tuple[tuple[int, ...], Function]]] = MappingProxyType(
    {
        "contains": ((2,), _contains),
        "substringof": ((2,), _substringof),
        "endswith": ((2,), _endswith),
        "startswith": ((2,), _startswith),
        "length": ((1,), _length),
        "indexof": ((2,), _indexof),
        "substring": ((2, 3), _substring),
        "tolower": ((1,), _of_text("lower")),
        "toupper": ((1,), _of_text("upper")),
        "trim": ((1,), _of_text("btrim")),
        "concat": ((2,), _concat),
        "year": ((1,), _part("year")),
        "month": ((1,), _part("month")),
        "day": ((1,), _part("day")),
        "hour": ((1,), _part("hour")),
        "minute": ((1,), _part("minute")),
        "second": ((1,), _part("second")),
        "fractionalseconds": ((1,), _part("second", whole=False)),
        "date": ((1,), _date),
        "time": ((1,), _clock),
        "totaloffsetminutes": ((1,), _offset),
        "mindatetime": ((0,), _moment(_FIRST)),
        "maxdatetime": ((0,), _moment(_LAST)),
        "round": ((1,), _round),
        "floor": ((1,), _of_number("floor")),
        "ceiling": ((1,), _of_number("ceil")),
        "geo.distance": ((2,), _distance),
        "geo.length": ((1,), _span),
        "st_relate": ((3,), _relate),
        **dict.fromkeys(sorted({*PATTERNS, *NEVER}), ((2,), _relation)),
    }
)
