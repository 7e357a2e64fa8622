"""The values of an expression with their types, and how two of them compare. Each holds SQL; nothing is evaluated here.

A result and a ledger's attributes have a type only in the row: they are `Open` until compared with a typed value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa
from odata_query import ast

from services.api.city.sensorthings.geometry import Place, Shape, read_wkt
from services.api.city.sensorthings.keys import observation_parts, stream_parts
from services.api.city.sensorthings.refusals import refused
from services.api.city.sensorthings.rows import Column, Condition

_EXACT: Final = 2**53  # whole numbers that a double holds
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_BLANK_OFFSET: Final = re.compile(r" (\d\d:\d\d)$", re.ASCII)  # whose unescaped + arrived as a blank


@dataclass(frozen=True, slots=True)
class Text:
    """A text."""

    sql: Column
    literal: str | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    sql: Column
    literal: float | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    sql: Condition


@dataclass(frozen=True, slots=True)
class Moment:
    """A time with its date."""

    sql: Column
    offset_min: int = 0  # of a literal; what is stored is told in UTC


@dataclass(frozen=True, slots=True)
class Day:
    """A date."""

    sql: Column


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day."""

    sql: Column


@dataclass(frozen=True, slots=True)
class Span:
    """A duration."""

    sql: Column


@dataclass(frozen=True, slots=True)
class Open:
    """A value that is a number in one row and a text in another."""

    num: Column
    flag: Column
    text: Column


@dataclass(frozen=True, slots=True)
class StreamId:
    """The id of a Datastream, kept as its two parts, which are indexed."""

    device: Column
    number: Column
    sql: Column


@dataclass(frozen=True, slots=True)
class ObservationId:
    """The id of an Observation: its text in SQL, and its parts in order (device, time, seq, number, sub)."""

    parts: tuple[Column, ...]
    sql: Column


@dataclass(frozen=True, slots=True)
class Nothing:
    """null."""


Value = (
    Text | Number | Flag | Moment | Day | Clock | Span | Open | StreamId | ObservationId | Nothing | Place | Shape
)  # fmt: skip
WORDS: Final = {
    Text: "a text", Number: "a number", Flag: "true or false", Moment: "a time", Day: "a date", Clock: "a time of day",
    Span: "a duration", Open: "a result", StreamId: "a number", ObservationId: "a text", Nothing: "null",
    Place: "a position", Shape: "a shape",
}  # fmt: skip


def literal(node: Any) -> Value:
    """Return the value of a literal.

    Raises:
        Problem: 400.
    """
    read = _LITERALS.get(type(node))
    if read is None:
        raise refused("a list stands where one value is expected")
    try:
        return read(node)
    except (ValueError, OverflowError):
        raise refused(f"«{str(getattr(node, 'val', node))[:40]}» is no value that exists") from None


def number(value: float) -> Number:
    """Return a number of the request; whole ones as such, for the indexes."""
    if value.is_integer() and abs(value) < _EXACT:
        return Number(sa.literal(int(value), sa.BigInteger()), value)
    return Number(sa.literal(value, sa.Double()), value)


def moment(text: str) -> Moment:
    """Return a time of the request; a day is its midnight in UTC.

    Raises:
        Problem: 400, it has no offset: the clocks on our walls and UTC are eight hours apart.
        ValueError: it is none.
    """
    found = datetime.fromisoformat(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text.upper())
    if found.tzinfo is None:
        raise refused(f"«{text[:40]}» has no offset; write 2026-11-23T08:00:00Z or 2026-11-23T16:00:00+08:00")
    offset = found.utcoffset() or timedelta()
    return Moment(sa.literal(found.astimezone(UTC), sa.DateTime(timezone=True)), int(offset.total_seconds() // 60))


def _text(node: Any) -> Text:
    return Text(sa.literal(node.val, sa.Text()), node.val)


_LITERALS: Final[dict[type, Callable[[Any], Value]]] = {
    ast.Null: lambda _: Nothing(),
    ast.Integer: lambda node: number(float(node.val)),
    ast.Float: lambda node: number(float(node.val)),
    ast.Boolean: lambda node: Flag(sa.literal(bool(node.py_val), sa.Boolean())),
    ast.String: _text,
    ast.GUID: _text,
    ast.DateTime: lambda node: moment(node.val),
    ast.Date: lambda node: Day(sa.literal(date.fromisoformat(node.val), sa.Date())),
    ast.Time: lambda node: Clock(sa.literal(time.fromisoformat(node.val), sa.Time())),
    ast.Duration: lambda node: Span(sa.literal(node.py_val, sa.Interval())),
    ast.Geography: lambda node: read_wkt(node.val),
}
_OPERATORS: Final[dict[type, Callable[[Column, Column], Condition]]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a.is_distinct_from(b),  # a missing value differs from every value
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}
_TURNED: Final[dict[type, type]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}


def compare(operator: type, left: Value, right: Value) -> Condition:
    """Return the condition of a comparison.

    Raises:
        Problem: 400, the two have different types.
    """
    if isinstance(left, Nothing) or isinstance(right, Nothing):
        return _compare_with_null(operator, left, right)
    if isinstance(left, Text | Number) and isinstance(right, StreamId | ObservationId | Open | Moment | Day):
        return compare(_TURNED[operator], right, left)
    if isinstance(left, ObservationId):
        found = _compare_observation_id(operator, left, right)
        if found is not None:
            return found
        left = Text(left.sql)
    if isinstance(left, StreamId):
        if operator is ast.Eq and isinstance(right, Number) and right.literal is not None:
            return _is_stream(left, right.literal)
        left = Number(left.sql)
    right = Number(right.sql) if isinstance(right, StreamId) else right
    right = Text(right.sql) if isinstance(right, ObservationId) else right
    left, right = _as_same(left, right)
    if isinstance(left, Place) or isinstance(right, Place) or isinstance(left, Shape) or isinstance(right, Shape):
        raise refused("positions are compared by functions: st_equals, st_within, geo.distance …")
    if type(left) is not type(right):
        raise refused(f"{WORDS[type(left)]} cannot be compared with {WORDS[type(right)]}")
    return _OPERATORS[operator](left.sql, right.sql)  # type: ignore[union-attr]


def _compare_with_null(operator: type, left: Value, right: Value) -> Condition:
    if operator not in {ast.Eq, ast.NotEq}:
        return sa.false()
    value = right if isinstance(left, Nothing) else left
    match value:
        case Nothing():
            found: Condition = sa.true()
        case Open():
            found = sa.and_(value.num.is_(None), value.flag.is_(None), value.text.is_(None))
        case Place():
            found = value.lon.is_(None)
        case Shape():
            found = sa.false()
        case _:
            found = value.sql.is_(None)
    return found if operator is ast.Eq else sa.not_(found)


def _as_same(left: Value, right: Value) -> tuple[Value, Value]:
    """Return the two as one type where one of them can become the other's."""
    match left, right:
        case Open(), Open():
            return Text(sa.func.coalesce(left.text, sa.cast(left.num, sa.Text()))), Text(
                sa.func.coalesce(right.text, sa.cast(right.num, sa.Text()))
            )
        case Open(), _:
            return closed(left, type(right)), right
        case _, Open():
            return left, closed(right, type(left))
        case Moment(), Day():
            return left, Moment(_midnight(right.sql))
        case Day(), Moment():
            return Moment(_midnight(left.sql)), right
        case (Moment() | Day(), Text()) if right.literal is not None:
            return _as_same(left, quoted_moment(right.literal))
    return left, right


def closed(value: Open, kind: type) -> Value:
    """Return an open value with the type of the value it meets."""
    if kind is Number:
        return Number(value.num)
    if kind is Flag:
        return Flag(value.flag)
    return Text(value.text)


def _midnight(day: Column) -> Column:
    return sa.func.timezone("UTC", sa.cast(day, sa.DateTime()))


def quoted_moment(text: str) -> Moment:
    """Return a time that stands in quotes.

    Raises:
        Problem: 400.
    """
    try:
        return moment(_BLANK_OFFSET.sub(r"+\1", text))
    except (ValueError, OverflowError):
        raise refused(f"«{text[:40]}» is no time; write 2026-11-23T08:00:00Z") from None


def _is_stream(stream: StreamId, wanted: float) -> Condition:
    parts = stream_parts(wanted)
    return sa.false() if parts is None else sa.and_(stream.device == parts[0], stream.number == parts[1])


def _compare_observation_id(operator: type, left: ObservationId, right: Value) -> Condition | None:
    if operator is not ast.Eq or not isinstance(right, Text) or right.literal is None:
        return None
    parts = observation_parts(right.literal)
    if parts is None:
        return sa.false()
    return sa.and_(*(column == part for column, part in zip(left.parts, parts, strict=True)))
