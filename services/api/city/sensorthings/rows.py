"""The tables behind each entity, as SQLAlchemy Core: the columns of a row, and the rows that a caller may see.

Promises that no row is made without the caller's scope: `View` is the only way in, for a page, a link, a filter over
other entities, or a count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import Any, Final

import sqlalchemy as sa

from services.api.city.sensorthings.catalogue import ALARM, BY_NAME, BY_NUMBER, FIELDS_OF, SENSORS, Property
from services.api.city.sensorthings.model import STREAMS_PER_DEVICE, Entity
from services.api.registry.documents import status_of
from services.api.request import tables
from services.api.request.roles import Permission, Who
from services.api.request.scope import Scope
from services.core.topics import Kind

Column = sa.ColumnElement[Any]
Condition = sa.ColumnElement[bool]
_LOCATED: Final = frozenset({Entity.LOCATION, Entity.HISTORICAL_LOCATION, Entity.FEATURE})


def _readings(kind: Kind) -> sa.TableClause:
    fields = [sa.column(one.name, sa.Boolean() if one.is_flag else sa.Double()) for one in FIELDS_OF[kind]]
    return sa.table(
        f"reading_{kind}",
        sa.column("device_id", sa.Integer()),
        sa.column("ts", sa.DateTime(timezone=True)),
        sa.column("seq", sa.BigInteger()),
        sa.column("received_at", sa.DateTime(timezone=True)),
        sa.column("late", sa.Boolean()),
        *fields,
    )


_TABLES: Final = {kind: _readings(kind) for kind in Kind}


@lru_cache(maxsize=64)
def _aliases(turn: int) -> tuple[Any, ...]:  # noqa: ARG001 - the key of what is kept
    """Return the tables of a device for the n-th row of a question; making them anew costs a millisecond."""
    return tuple(one.alias() for one in (tables.device, tables.device_state, tables.site, tables.area))


@lru_cache(maxsize=64)
def _readings_alias(kind: Kind, turn: int) -> Any:  # noqa: ARG001 - the key of what is kept
    return _TABLES[kind].alias()


@lru_cache(maxsize=64)
def _fields(turn: int) -> Any:  # noqa: ARG001 - the key of what is kept
    """Return what each kind of device can send."""
    kinds = [(kind, one.id, one.name) for kind in Kind for one in (*FIELDS_OF[kind], BY_NAME[ALARM])]
    lines = ", ".join(f"('{kind}', {id_}, '{name}')" for kind, id_, name in kinds)
    written = sa.text(f"select * from (values {lines}) as field (kind, number, name)")  # noqa: S608 - our own names
    return written.columns(kind=sa.Text(), number=sa.Integer(), name=sa.Text()).subquery()


@dataclass(frozen=True, slots=True)
class Observed:
    """The columns of one observation.

    `num`, `flag` and `text` hold the result by its type; `sub` tells transitions of one alarm apart.
    """

    device: Column  # the column of the readings' table, which is in its index
    ts: Column
    seq: Column
    sub: Column
    received_at: Column
    late: Column
    num: Column
    flag: Column
    text: Column
    confidence: Column
    verification: Column


@dataclass(frozen=True, slots=True)
class Row:
    """The tables behind one entity; None where it has no such thing."""

    source: Any
    where: tuple[Condition, ...] = ()
    device: Any = None
    state: Any = None
    site: Any = None
    area: Any = None
    number: Column | None = None  # of the field
    field: Column | None = None  # its name
    kind: Column | None = None
    observed: Observed | None = None
    fields: Any = None  # of a whole reading, side by side
    shows_people: bool = True

    def key(self, name: str) -> Column:
        """Return the column by which rows of different entities belong together (`model.Link.by`)."""
        found = {"device": None if self.device is None else self.device.id, "number": self.number, "kind": self.kind}
        column = found[name]
        if column is None:
            raise LookupError(name)
        return column


@dataclass(frozen=True, slots=True)
class View:
    """What a caller may see, at a moment."""

    who: Who
    now: datetime
    turns: Iterator[int] = field(default_factory=count, compare=False)  # each row of a question has aliases of its own

    @property
    def scope(self) -> Scope:
        """Return the caller's areas."""
        return self.who.scope

    def rows(self, entity: Entity) -> Row:
        """Return the rows of an entity; not those of observations."""
        if entity is Entity.SENSOR:
            return _sensors()
        if entity is Entity.OBSERVED_PROPERTY:
            return _properties()
        if entity is Entity.DATASTREAM:
            return self._streams()
        return self._devices(located=entity in _LOCATED)

    def _devices(self, *, located: bool) -> Row:
        device, state, site, area = _aliases(next(self.turns))
        source = (
            device.outerjoin(state, state.c.device_id == device.c.id)
            .outerjoin(site, sa.and_(site.c.id == device.c.site_id, self.scope.clause(site.c.area)))
            .outerjoin(area, area.c.code == device.c.area)
        )
        where: tuple[Condition, ...] = (self.scope.clause(device.c.area),)
        if located:
            where += (device.c.lon.is_not(None),)
        people = self.who.may(Permission.READ)
        return Row(
            source, where, device.c, state.c, site.c, area.c, kind=device.c.kind, shows_people=people
        )  # fmt: skip

    def _streams(self) -> Row:
        """Every field that a device has sent, by its newest state, and the alarms of every device."""
        row = self._devices(located=False)
        field = _fields(next(self.turns))
        sent = sa.or_(field.c.name == ALARM, row.state.state.has_key(field.c.name))
        source = row.source.join(field, sa.and_(field.c.kind == row.device.kind, sent))
        return Row(
            source, row.where, row.device, row.state, row.site, row.area, field.c.number, field.c.name,
            row.device.kind, shows_people=row.shows_people,
        )  # fmt: skip

    def observations(self, kind: Kind | None, number: int | None = None) -> Row:
        """Return the observations of the devices of one kind; of one field, if its number is given. None: alarms."""
        row = self._devices(located=False)
        if kind is None:
            return self._transitions(row)
        table = _readings_alias(kind, next(self.turns))
        source = row.source.join(table, table.c.device_id == row.device.id)
        fields = FIELDS_OF[kind] if number is None else [one for one in FIELDS_OF[kind] if one.id == number]
        one = fields[0] if len(fields) == 1 else None
        field: Any
        if one is not None:
            value = table.c[one.name]
            number_, name = sa.literal_column(str(one.id), sa.Integer()), sa.literal_column(f"'{one.name}'", sa.Text())
            num = _null(sa.Double()) if one.is_flag else value
            flag = value if one.is_flag else _null(sa.Boolean())
            there = value.is_not(None)
        else:
            field = _unpivoted(table, fields)
            source = source.join(field, sa.true())
            number_, name, num, flag = field.c.number, field.c.name, field.c.num, field.c.flag
            there = sa.or_(num.is_not(None), flag.is_not(None))
        observed = _of_reading(table, num, flag)
        where = (*row.where, row.device.kind == kind, there)
        return Row(
            source, where, row.device, row.state, row.site, row.area, number_, name, row.device.kind, observed,
            shows_people=row.shows_people,
        )  # fmt: skip

    def readings(self, kind: Kind) -> Row:
        """Return whole readings of the devices of one kind: a row each, with all fields side by side."""
        row, table = self._devices(located=False), _readings_alias(kind, next(self.turns))
        source = row.source.join(table, table.c.device_id == row.device.id)
        observed = _of_reading(table, _null(sa.Double()), _null(sa.Boolean()))
        where = (*row.where, row.device.kind == kind)
        return replace(row, source=source, where=where, observed=observed, fields=table.c)

    def _transitions(self, row: Row) -> Row:
        alarm, line = tables.alarm.alias(), tables.alarm_transition.alias()
        source = row.source.join(alarm, alarm.c.device_id == row.device.id).join(line, line.c.alarm_id == alarm.c.id)

        def told(name: str) -> Column:
            found: Column = line.c.detail[name].astext
            return found

        severity = sa.func.coalesce(told("severity"), alarm.c.severity)
        observed = Observed(
            alarm.c.device_id, line.c.at, line.c.alarm_id, line.c.number, line.c.at,
            sa.literal_column("false", sa.Boolean()), _null(sa.Double()), _null(sa.Boolean()),
            severity + "/" + line.c.to_state + "/" + alarm.c.code,
            told("confidence"), sa.func.coalesce(told("verification"), alarm.c.verification),
        )  # fmt: skip
        number = sa.literal_column(str(BY_NAME[ALARM].id), sa.Integer())
        field = sa.literal_column(f"'{ALARM}'", sa.Text())
        where = (*row.where, self.scope.clause(sa.func.coalesce(alarm.c.area, row.device.area)))
        return Row(
            source, where, row.device, row.state, row.site, row.area, number, field, row.device.kind, observed,
            shows_people=row.shows_people,
        )  # fmt: skip

    def status(self, row: Row) -> Column:
        """Return a device's status in SQL."""
        return status_of(self.now, row.device, row.state)


def _of_reading(table: Any, num: Column, flag: Column) -> Observed:
    return Observed(
        table.c.device_id, table.c.ts, table.c.seq, sa.literal_column("0", sa.Integer()), table.c.received_at,
        table.c.late, num, flag, _null(sa.Text()), _null(sa.Text()), _null(sa.Text()),
    )  # fmt: skip


def _null(kind: Any) -> Column:
    return sa.cast(sa.null(), kind)


def _values(name: str, /, **columns: Any) -> Any:
    return sa.values(*(sa.column(column, kind) for column, kind in columns.items()), name=name, literal_binds=True)


def _unpivoted(table: Any, fields: Sequence[Property]) -> Any:
    """Return a row for each field of a reading, those that are null as well."""
    lines = [
        (
            sa.literal_column(str(one.id), sa.Integer()),
            sa.literal_column(f"'{one.name}'", sa.Text()),
            _null(sa.Double()) if one.is_flag else table.c[one.name],
            table.c[one.name] if one.is_flag else _null(sa.Boolean()),
        )
        for one in fields
    ]
    made = _values("field", number=sa.Integer(), name=sa.Text(), num=sa.Double(), flag=sa.Boolean())
    return made.data(lines).lateral()


def _sensors() -> Row:
    data = [(one.id, one.name) for one in SENSORS.values()]
    kind = _values("sensor", id=sa.Integer(), name=sa.Text()).data(data).alias()
    return Row(kind, kind=kind.c.name)


def _properties() -> Row:
    data = [(one.id, one.name) for one in BY_NUMBER.values()]
    field = _values("observed", number=sa.Integer(), name=sa.Text()).data(data).alias()
    return Row(field, number=field.c.number, field=field.c.name)


def stream_id(row: Row) -> Column:
    """Return the id of a row's Datastream."""
    return sa.cast(row.key("device"), sa.BigInteger()) * STREAMS_PER_DEVICE + row.key("number")


def directed(column: Column, down: bool, *, plain: bool = False) -> Any:
    """Return a column of an order; null sorts as the lowest value (OData 4, 11.2.6.2), unless `plain`."""
    if plain:
        return column.desc() if down else column.asc()
    return column.desc().nulls_last() if down else column.asc().nulls_first()
