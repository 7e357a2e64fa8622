"""What a maintainer looks for in a list of devices, and the columns it is sorted by. Used by the list of devices.

Promises that every order is total (the code decides between equals, devices without a value come last), so that a
cursor leaves none out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from pydantic import BaseModel, Field

from services.api.registry.documents import status_of
from services.api.registry.quality import CLOCKS_DIFFER
from services.api.request import tables
from services.core.rules.lateness import SLEEPY_LATE_S
from services.core.rules.parameters import DEFAULTS

_device, _state, _alarm = tables.device.c, tables.device_state.c, tables.alarm.c
_DAY = timedelta(hours=24)
WEAK_DBM: Final = -110
"""Below it NB-IoT repeats its messages most and a device may fall silent: the poor band as operators name it."""


class Trouble(StrEnum):
    """What is wrong with a device."""

    OFFLINE = "offline"
    LOW_BATTERY = "low_battery"
    WEAK_SIGNAL = "weak_signal"
    FREEZING = "freezing"
    DISCOVERED = "discovered"
    OUT_OF_SERVICE = "out_of_service"
    LOSS = "loss"


class Troubles(BaseModel):
    """How many devices have what."""

    total: int
    offline: int
    low_battery: int
    weak_signal: int
    freezing: int
    discovered: int
    out_of_service: int
    loss: int = Field(description="with readings missing or refused in the last 24 h")


class Order(StrEnum):
    """A column that the list is sorted by; `-` before it turns the order round."""

    CODE = "code"
    NAME = "name"
    KIND = "kind"
    AREA = "area"
    STATUS = "status"
    LAST_SEEN = "last_seen"
    BATTERY = "battery"
    SIGNAL = "signal"
    CODE_DOWN = "-code"
    NAME_DOWN = "-name"
    KIND_DOWN = "-kind"
    AREA_DOWN = "-area"
    STATUS_DOWN = "-status"
    LAST_SEEN_DOWN = "-last_seen"
    BATTERY_DOWN = "-battery"
    SIGNAL_DOWN = "-signal"

    @property
    def column(self) -> str:
        """The column without its direction."""
        return self.value.lstrip("-")

    @property
    def down(self) -> bool:
        """Whether the largest comes first."""
        return self.value.startswith("-")


_FIELDS: Final = {"battery": "battery_pct", "signal": "rsrp_dbm"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _number(field: str) -> sa.ColumnElement[float]:
    """Return the newest value of a field where it is a number."""
    value = _state.state[field]
    return sa.case((sa.func.jsonb_typeof(value) == "number", sa.cast(value.astext, sa.Double())))


def _at(field: str, place: int, newest: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the time of a field's newest value; of a row that says none, that of the newest reading."""
    at = _state.state_at[field][place]
    micros = sa.case((sa.func.jsonb_typeof(at) == "number", sa.cast(at.astext, sa.Double())))
    return sa.func.coalesce(sa.case((micros.between(0, 4e15), sa.func.to_timestamp(micros / 1e6))), newest)


def _counts_still(field: str, now: datetime) -> sa.ColumnElement[bool]:
    """Whether a temperature is young enough to count, as where sources are judged; without a time it is."""
    behind = _state.clock_behind_s.is_not(None)
    at = sa.case((behind, _at(field, 1, _state.received_at)), else_=_at(field, 0, _state.ts))
    lasts_s = sa.func.greatest(SLEEPY_LATE_S, 2 * _device.expected_interval_s)
    until = at + lasts_s * sa.literal(timedelta(seconds=1), sa.Interval())
    return sa.func.coalesce(until >= sa.literal(now, sa.DateTime(timezone=True)), sa.true())


def _below(field: str, code: str, name: str, now: datetime | None = None) -> sa.ColumnElement[bool]:
    """Whether a value is below the county's usual limit, or an alarm of the rule stands (a device's own limit).

    With `now` only a value counts that is not too old for it.
    """
    standing = sa.exists().where(
        _alarm.device_id == _device.id, _alarm.code == code, _alarm.state != "closed", _alarm.cleared_at.is_(None)
    )
    low = sa.func.coalesce(_number(field) < DEFAULTS[code][name], sa.false())
    return sa.or_(standing, low if now is None else sa.and_(low, _counts_still(field, now)))


def condition(trouble: Trouble, now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of a device that has `trouble`."""
    lost = tables.device_quality.c
    match trouble:
        case Trouble.LOW_BATTERY:
            return _below("battery_pct", "battery_low", "low_pct")
        case Trouble.WEAK_SIGNAL:
            return sa.func.coalesce(_number("rsrp_dbm") < WEAK_DBM, sa.false())
        case Trouble.FREEZING:
            return _below("water_temp_c", "hydrant_freezing", "cold_c", now)
        case Trouble.LOSS:
            lately = sa.and_(lost.hour > now - _DAY, lost.hour <= now + CLOCKS_DIFFER)
            return sa.exists().where(lost.device_id == _device.id, lately, lost.gaps + lost.rejects > 0)
        case _:
            return status_of(now) == trouble.value


def _expression(column: str, now: datetime) -> sa.ColumnElement[Any]:
    if column in _FIELDS:
        return _number(_FIELDS[column])
    if column == "status":
        return status_of(now)
    return _state.last_seen if column == "last_seen" else _device[column]


def sort(statement: "sa.Select[Any]", order: Order, after: tuple[Any, ...] | None, now: datetime) -> "sa.Select[Any]":
    """Return the statement in an order, from behind the place `after` (value, has none, code)."""
    code = _device.code
    if order.column == Order.CODE:  # an index answers it
        if after is not None:
            statement = statement.where(code < after[2] if order.down else code > after[2])
        return statement.order_by(code.desc() if order.down else code)
    value = _expression(order.column, now)
    if after is not None:
        at, has_none, last = after
        behind = value < at if order.down else value > at
        tie = sa.and_(value.is_(None) if has_none else value == at, code > last)
        statement = statement.where(tie if has_none else sa.or_(behind, tie, value.is_(None)))
    return statement.order_by((value.desc() if order.down else value.asc()).nulls_last(), code)


def kind_of(order: Order) -> type:
    """Return the type of a sorted column, for its cursor."""
    return float if order.column in _FIELDS else datetime if order.column == "last_seen" else str


def place_of(item: Mapping[str, Any], order: Order) -> tuple[Any, ...]:
    """Return where a device of the list stands in an order, as `sort` takes it."""
    kind = kind_of(order)
    if kind is float:
        found = (item["state"].get(_FIELDS[order.column]) or {}).get("value")
        value = None if isinstance(found, bool) or not isinstance(found, int | float) else float(found)
    else:
        value = item[order.column]
    nothing = {float: 0.0, datetime: _EPOCH, str: ""}[kind]
    return (nothing if value is None else value, value is None, item["code"])
