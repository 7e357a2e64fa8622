"""Devices as features: what each shows, and whether water can be used. Statements and documents, no HTTP.

Used by `collections`. Every statement keeps to the caller's areas, joins included.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from services.api.prevention.due import LAST_INSPECTION
from services.api.registry.documents import newest, newest_values, read_alarms, select_devices
from services.api.request import tables
from services.api.request.database import Reads, Row
from services.api.request.roles import Permission, Who
from services.core import water
from services.core.clock import rfc3339
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.parameters import ParameterBook

_device, _state, _alarm = tables.device.c, tables.device_state.c, tables.alarm.c
PARENT = tables.area.alias("place")
Column = sa.ColumnElement[Any]
GIVEN = ("pressure_mpa", "flow_lps", "water_temp_c", "level_m")
"""What a water source shows of its newest values as they are, but a level that gave way to the other."""
_AT_ONCE = 500  # judged before other requests have their turn


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, and when."""

    who: Who
    now: datetime


Select = Callable[[Context], "sa.Select[Any]"]

_AT = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
_FIRST, _LAST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)  # as core.db reads what lies beyond


def _rfc3339(at: Column) -> Column:
    """Return SQL that writes a time as `rfc3339` does; for a page of a thousand rows it costs half."""
    within = sa.case((at > _LAST, _LAST), (at < _FIRST, _FIRST), else_=at)
    return sa.func.to_char(within, _AT)


def _names(people: bool) -> tuple[str, ...]:
    """Return what every device shows, in this order; a wall shows no names of people."""
    shown = (
        "code", "name", "kind", "form", "area", "area_name", "address", "status", "last_seen", "site", "site_name",
    )  # fmt: skip
    return (*shown, "owner", "maintainer") if people else shown


def select_shown(*kinds: str) -> Select:
    """Return the statement of devices as they are shown: the columns of `_names`, and what `finish_devices` adds."""

    def select(context: Context) -> "sa.Select[Any]":
        whole = devices_of(*kinds)(context)
        found = whole.selected_columns
        written = {
            "last_seen": _rfc3339(_state.last_seen),
            "site": sa.case((found["site_name"].is_not(None), _device.site_id)),
        }
        at, older = sa.func.coalesce(_state.ts, _state.last_seen), _state.state_at
        usual = sa.or_(older.is_(None), older == sa.text("'{}'::jsonb"))  # all values are of the newest reading
        shown = [
            written[name].label(name) if name in written else found[name]
            for name in _names(context.who.may(Permission.READ))
        ]
        return whole.with_only_columns(
            *shown, _device.id, _state.state, _rfc3339(at).label("at"), sa.case((sa.not_(usual), older)).label("older"),
            sa.case((sa.not_(usual), at)).label("ts"),
        )  # fmt: skip

    return select


def devices_of(*kinds: str) -> Select:
    """Return the statement of the devices of some kinds, all of them without any."""

    def select(context: Context) -> "sa.Select[Any]":
        statement = (
            select_devices(context.now, context.who.scope)
            .outerjoin(PARENT, PARENT.c.code == _device.area)
            .add_columns(PARENT.c.name.label("area_name"))
            .where(context.who.scope.clause(_device.area))
        )
        return statement.where(_device.kind.in_(kinds)) if kinds else statement

    return select


def _properties(row: Row, people: bool) -> dict[str, Any]:
    """Return what every device shows; a wall shows no names of people."""
    shown = {
        "code": row["code"], "name": row["name"], "kind": row["kind"], "form": row["form"], "area": row["area"],
        "area_name": row["area_name"], "address": row["address"], "status": row["status"],
        "last_seen": rfc3339(row["last_seen"]),
        "site": None if row["site_name"] is None else row["site_id"], "site_name": row["site_name"],
    }  # fmt: skip
    if people:
        shown["owner"], shown["maintainer"] = row["owner"], row["maintainer"]
    return shown


async def finish_devices(reads: Reads, rows: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    """Return the properties of devices, their newest values among them."""
    alarms = await read_alarms(reads, [row["id"] for row in rows]) if rows else {}
    names = _names(context.who.may(Permission.READ))
    found = []
    for row in rows:
        shown = dict(zip(names, row.values(), strict=False))  # more columns follow
        shown["alarm"] = alarms.get(row["id"])
        values = row["state"] if isinstance(row["state"], dict) else {}
        if row["older"] is None:
            shown["value_at"] = row["at"] if values else None
        else:
            known = {"state": values, "state_at": row["older"], "state_ts": row["ts"], "last_seen": None}
            shown["value_at"] = rfc3339(newest_values(known)[1])
        if shown.keys().isdisjoint(values):
            shown |= values
        else:  # a field with the name of a property
            shown |= {name: value for name, value in values.items() if name not in shown}
        found.append(shown)
    return found


_STANDING = (
    sa.select(sa.func.array_agg(_alarm.code.distinct()))
    .where(_alarm.device_id == _device.id, _alarm.state != "closed", _alarm.cleared_at.is_(None))
    .scalar_subquery()
    .label("standing")
)


def select_water(context: Context) -> "sa.Select[Any]":
    """Return the statement of water sources, with all that they are judged by."""
    return devices_of("hydrant", "water")(context).add_columns(_STANDING, LAST_INSPECTION.label("inspected_at"))


async def finish_water(reads: Reads, rows: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    """Return the properties of water sources: what they give, and whether one can count on it."""
    book = book_of(await reads.rows(READ_OVERRIDES))
    people = context.who.may(Permission.READ)
    found = []
    for row in rows:
        values, verdict = _judge(row, context, book)
        given = water.newer_level(row, values, context.now)
        age_s = water.age_s(row, values, context.now)
        found.append(
            _properties(row, people)
            | {name: given.get(name) for name in GIVEN}
            | {
                "level_pct": water.shown_level_pct(row, values, context.now),
                "age_s": None if age_s is None else round(age_s),
                "usable": verdict.usable,
                # texts: QGIS and shapefiles have no lists
                "reasons": "；".join(reason.text for reason in verdict.reasons),
                "reasons_en": "; ".join(reason.text_en for reason in verdict.reasons),
                "reason_codes": ",".join(reason.code for reason in verdict.reasons),
                "inspected_at": rfc3339(row["inspected_at"]),
            }
        )
    return found


async def are_usable(
    reads: Reads, context: Context, conditions: Sequence[sa.ColumnElement[bool]], wanted: bool
) -> sa.ColumnElement[bool]:
    """Return the condition that a water source is `usable` as `wanted`, of those that fulfil the other conditions.

    The rules judge a row, not the database: each is looked at, and requests of others have their turn in between.
    """
    book = book_of(await reads.rows(READ_OVERRIDES))
    rows = await reads.rows(select_water(context).where(*conditions))
    found = []
    for number, row in enumerate(rows, 1):
        if _judge(row, context, book)[1].usable is wanted:
            found.append(row["id"])
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return _device.id == sa.any_(sa.literal(found, sa.ARRAY(sa.Integer)))


def _judge(row: Row, context: Context, book: ParameterBook) -> tuple[dict[str, Any], water.Verdict]:
    values = {name: one["value"] for name, one in newest(row).items() if isinstance(one["value"], int | float)}
    return values, water.judge(row, values, context.now, row["standing"] or (), book)
