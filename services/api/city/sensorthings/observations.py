"""How observations are read: from which tables, in which order, and from where on. Statements only; `query` runs them.

A page begins behind the last observation of the one before, found by the index, so that the last page costs what the
first does. Without `$orderby` many streams are read device by device, as the index of the readings lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from odata_query import ast

from services.api.city.sensorthings.answers import Position
from services.api.city.sensorthings.catalogue import ALARM, BY_NAME, FIELDS_OF
from services.api.city.sensorthings.filter import SOURCES, condition_of, order_of
from services.api.city.sensorthings.grammar import path_of
from services.api.city.sensorthings.keys import observation_parts, stream_parts
from services.api.city.sensorthings.model import Entity
from services.api.city.sensorthings.options import Options, Order
from services.api.city.sensorthings.plain import AHEAD, PlainStream
from services.api.city.sensorthings.rows import Column, Condition, Row, View, directed
from services.core.topics import Kind

ALARM_NUMBER: Final = BY_NAME[ALARM].id
_POSITION: Final = ("device", "ts", "seq", "number", "sub")
BEFORE_KNOWN: Final = timedelta(days=31)  # a reading may be 30 days old when it comes (docs/contract.md, section 3)
Between = tuple[datetime, datetime]
"""From a time on, and before another."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Which observations are meant: of a kind of device, of a device, of one field; what is None is not restricted.

    `since` is when the device was registered or first heard: few observations are older.
    """

    kind: Kind | None = None
    device: int | None = None
    number: int | None = None
    since: datetime | None = None

    @property
    def is_one(self) -> bool:
        """Whether it is one Datastream."""
        return self.device is not None and self.number is not None

    def sources(self) -> list[int]:
        """Return the numbers of the sources that can have such observations."""
        return [place for place, source in enumerate(SOURCES) if self._may_have(source)]

    def _may_have(self, source: Kind | None) -> bool:
        if source is None:
            return self.number in {None, ALARM_NUMBER}
        if self.kind not in {None, source}:
            return False
        return self.number is None or any(one.id == self.number for one in FIELDS_OF[source])


def named_streams(tree: Any) -> tuple[int, int | None] | None:
    """Return the device, and the field where one is named, that `$filter` restricts a list of observations to."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.BoolOp) and isinstance(one.op, ast.And):
            waiting += [one.left, one.right]
        if not (isinstance(one, ast.Compare) and isinstance(one.comparator, ast.Eq)):
            continue
        match path_of(one.left), one.right:
            case ("Datastream", "id"), ast.Integer(val=val) if len(val) < 15:
                return stream_parts(float(val)) or (0, 0)
            case ((("FeatureOfInterest", "id") | ("Datastream", "Thing", "id")), ast.Integer(val=val)) if len(val) < 10:
                return int(val), None
            case ("id",), ast.String(val=val) if (parts := observation_parts(val)) is not None:
                return parts[0], parts[3]
    return None


@dataclass(frozen=True, slots=True)
class Succession:
    """An order of observations. `by_key`: a page can begin behind an observation; `turned`: newest first."""

    by_key: bool
    by_time: bool
    turned: bool


def succession_of(orderby: Sequence[Order]) -> Succession:
    """Return what kind of order `$orderby` asks for."""
    if not orderby:
        return Succession(True, False, False)
    names = [path_of(one.tree) for one in orderby]
    if names in ([("phenomenonTime",)], [("phenomenonTime",), ("id",)]):
        same = len({one.descending for one in orderby}) == 1
        return Succession(same, True, orderby[0].descending)
    if names == [("id",)]:
        return Succession(True, False, orderby[0].descending)
    return Succession(False, False, False)


def columns(row: Row) -> list[Any]:
    """Return what is read of each observation."""
    one = row.observed
    if one is None:
        raise LookupError("no observation")
    named = {
        "device": one.device, "ts": one.ts, "seq": one.seq, "sub": one.sub, "number": row.number, "kind": row.kind,
        "received_at": one.received_at, "late": one.late, "num": one.num, "flag": one.flag, "text": one.text,
        "confidence": one.confidence, "verification": one.verification,
    }  # fmt: skip
    return [column.label(name) for name, column in named.items() if column is not None]


@dataclass(frozen=True, slots=True)
class Reading:
    """One question for observations."""

    view: View
    streams: Streams
    options: Options

    @property
    def succession(self) -> Succession:
        """Return the order that is asked for."""
        return succession_of(self.options.orderby)

    @property
    def plain(self) -> PlainStream | None:
        """Return the stream if it is one field of one device, and nothing but a time span is asked of it."""
        kind, device, number_ = self.streams.kind, self.streams.device, self.streams.number
        if kind is None or device is None or number_ in {None, ALARM_NUMBER} or self.options.filter is not None:
            return None
        return PlainStream(kind, device, number_)

    @property
    def in_time(self) -> bool:
        """Whether its order is one of time, so that it can be read in slices."""
        return self.succession.by_key and (self.succession.by_time or self.streams.is_one)

    def row(self, source: int) -> Row:
        """Return the tables of a source."""
        return self.view.observations(SOURCES[source], self.streams.number)

    def where(self, row: Row) -> list[Condition]:
        """Return what must hold of an observation."""
        found = list(row.where)
        if self.streams.device is not None:
            found.append(row.device.id == self.streams.device)
        if self.options.filter is not None:
            found.append(condition_of(self.view, Entity.OBSERVATION, row, self.options.filter))
        return found

    def select(
        self, source: int, *, after: Position | None, limit: int, wide: bool = False, between: Between | None = None
    ) -> Any:
        """Return the statement for the observations of one source; `wide` keeps the columns of the order."""
        row = self.row(source)
        order = self.order(row, source)
        where = self.where(row)
        if between is not None and row.observed is not None:
            where += [row.observed.ts >= between[0], row.observed.ts < between[1]]
        if after is not None:
            where += self._behind(row, source, after)
        extra = [column.label(f"o{place}") for place, (column, _) in enumerate(order)] if wide else []
        return (
            sa.select(*columns(row), sa.literal_column(str(source), sa.Integer()).label("source"), *extra)
            .select_from(row.source)
            .where(*where)
            .order_by(*ordered(order, by_key=self.succession.by_key))
            .limit(limit)
        )

    def select_all(
        self, sources: Sequence[int], *, after: Position | None, offset: int, limit: int, between: Between | None = None
    ) -> Any:
        """Return the statement for the observations of several sources in one order."""
        most = offset + limit
        parts = [self.select(one, after=after, limit=most, wide=True, between=between) for one in sources]
        if len(parts) == 1:
            return parts[0].offset(offset).limit(limit)
        directions = [down for _, down in self.order(self.row(sources[0]), sources[0])]
        whole = sa.union_all(*[sa.select(part.subquery()) for part in parts]).subquery()
        order = [(whole.c[f"o{place}"], down) for place, down in enumerate(directions)]
        placed = sa.select(whole).order_by(*ordered(order, by_key=self.succession.by_key))
        return placed.offset(offset).limit(limit)

    def count(self, source: int) -> Any:
        """Return the statement that counts one source."""
        row = self.row(source)
        return sa.select(sa.func.count().label("n")).select_from(row.source).where(*self.where(row))

    def order(self, row: Row, source: int) -> list[tuple[Column, bool]]:
        """Return the columns of the order, each with whether it goes down; the last ones tell any two apart."""
        one, succession = row.observed, self.succession
        if one is None or row.number is None:
            raise LookupError("no observation")
        if self.streams.is_one and succession.by_key:
            return [(column, succession.turned) for column in (one.ts, one.seq, one.sub)]
        place = {"device": one.device, "ts": one.ts, "seq": one.seq, "number": row.number, "sub": one.sub}
        if succession.by_key and succession.by_time:
            return [(place[name], succession.turned) for name in ("ts", "device", "seq", "number", "sub")]
        rank = sa.literal_column(str(source), sa.Integer())
        rest = [(column, succession.turned) for column in (rank, *(place[name] for name in _POSITION))]
        wanted: list[tuple[Column, bool]] = []
        if not succession.by_key:
            for order in self.options.orderby:
                found = order_of(self.view, Entity.OBSERVATION, row, order.tree)
                wanted += [(column, order.descending) for column in found]
        return wanted + rest

    def _behind(self, row: Row, source: int, after: Position) -> list[Condition]:
        """Return the condition that an observation lies behind another in the order."""
        one, succession = row.observed, self.succession
        if one is None or row.number is None:
            raise LookupError("no observation")
        rank, device, ts, seq, number, sub = after

        def behind(columns: Sequence[Column], values: Sequence[object], *, same: bool = False) -> Condition:
            left = sa.tuple_(*columns)
            right = sa.tuple_(*(sa.literal(value, column.type) for value, column in zip(values, columns, strict=True)))
            if succession.turned:
                return left <= right if same else left < right
            return left >= right if same else left > right

        if self.streams.is_one:
            return [
                behind((one.ts,), (ts,), same=True),  # leaves out chunks
                behind((one.ts, one.seq), (ts, seq), same=True),  # finds the place in the index
                behind((one.ts, one.seq, one.sub), (ts, seq, sub)),
            ]
        if succession.by_time:
            return [
                behind((one.ts,), (ts,), same=True),
                behind((one.ts, one.device, one.seq, row.number, one.sub), (ts, device, seq, number, sub)),
            ]
        if source != rank:  # sources come one after the other
            return [] if (source > rank) != succession.turned else [sa.false()]
        return [
            behind((one.device, one.ts, one.seq), (device, ts, seq), same=True),
            behind((one.device, one.ts, one.seq, row.number, one.sub), (device, ts, seq, number, sub)),
        ]


def ordered(order: Sequence[tuple[Column, bool]], *, by_key: bool) -> list[Any]:
    """Return the columns of an order for SQL; a number that is the same in all rows would mean a column there."""
    return [directed(column, down, plain=by_key) for column, down in order if not _is_constant(column)]


def _is_constant(column: Column) -> bool:
    return isinstance(column, sa.ColumnClause) and column.is_literal


def newest_until(state: Any, field: str) -> Column:
    """Return a time that the newest value of a field is not later than, by the newest state of its device."""
    at = state.state_at[field][0]
    micros = sa.case((sa.func.jsonb_typeof(at) == "number", sa.cast(at.astext, sa.Double())))
    kept = sa.case((micros.between(0, 4e15), sa.func.to_timestamp(micros / 1e6)))
    return sa.func.coalesce(kept, state.ts) + sa.literal(AHEAD, sa.Interval())
