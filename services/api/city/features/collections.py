"""The collections: what each is called, what it reads, by what it can be filtered. Data and statements, no HTTP.

Used by the routes. Promises that every statement keeps to the caller's areas, joins included, and that two reads of a
page cost the same however far on it lies: places are keys, not counts.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.api.alarms.documents import select_alarms
from services.api.registry.documents import newest, newest_values, read_alarms, select_devices, status_of
from services.api.request import tables
from services.api.request.database import Reads, Row
from services.api.request.roles import Permission, Who
from services.core import water
from services.core.alarms.ledger.document import alarm_document
from services.core.clock import rfc3339
from services.core.rules.overrides import READ_OVERRIDES, book_of

_area, _site, _device, _alarm = tables.area.c, tables.site.c, tables.device.c, tables.alarm.c
_PARENT = tables.area.alias("place")
Column = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, and when."""

    who: Who
    now: datetime


Select = Callable[[Context], "sa.Select[Any]"]
Finish = Callable[[Reads, Sequence[Row], Context], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection. `key` orders it; `fid` is what its features are called by; `span` is their time."""

    id: str
    title: str
    title_en: str
    description: str
    select: Select
    finish: Finish
    key: Column
    fid: Column
    lon: Column
    lat: Column
    filters: Mapping[str, Column | Callable[[Context], Column]]
    span: tuple[Column, Column] | None = None
    newest_first: bool = False

    def type_of(self, name: str) -> str:
        """Return the JSON Schema type of a filter."""
        column = self.filters[name]
        if isinstance(column, sa.ColumnElement) and isinstance(column.type, sa.Boolean):
            return "boolean"
        return "integer" if isinstance(column, sa.ColumnElement) and isinstance(column.type, sa.Integer) else "string"

    def column_of(self, name: str, context: Context) -> Column:
        """Return what a filter compares."""
        column = self.filters[name]
        return column if isinstance(column, sa.ColumnElement) else column(context)


_SHOWN = (
    "id", "code", "name", "kind", "form", "area", "address", "site_id", "owner", "maintainer"
)  # fmt: skip


def _select_shown(*kinds: str) -> Select:
    """Return the statement without what only water is judged by: a page is a thousand rows."""

    def select(context: Context) -> "sa.Select[Any]":
        whole = _select_devices(*kinds)(context)
        names = {*_SHOWN, "state", "state_at", "state_ts", "last_seen", "site_name", "status", "area_name"}
        return whole.with_only_columns(*(column for column in whole.selected_columns if column.key in names))

    return select


def _select_devices(*kinds: str) -> Select:
    def select(context: Context) -> "sa.Select[Any]":
        statement = (
            select_devices(context.now, context.who.scope)
            .outerjoin(_PARENT, _PARENT.c.code == _device.area)
            .add_columns(_PARENT.c.name.label("area_name"))
            .where(context.who.scope.clause(_device.area))
        )
        return statement.where(_device.kind.in_(kinds)) if kinds else statement

    return select


def _device_properties(row: Row, people: bool) -> dict[str, Any]:
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


async def _finish_devices(reads: Reads, rows: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    alarms = await read_alarms(reads, [row["id"] for row in rows]) if rows else {}
    people = context.who.may(Permission.READ)
    found = []
    for row in rows:
        values, at = newest_values(row)
        shown = _device_properties(row, people)
        shown["alarm"], shown["value_at"] = alarms.get(row["id"]), rfc3339(at)
        if shown.keys().isdisjoint(values):
            shown |= values
        else:  # a field that is called like one of ours
            shown |= {name: value for name, value in values.items() if name not in shown}
        found.append(shown)
    return found


_STANDING = (
    sa.select(sa.func.array_agg(_alarm.code.distinct()))
    .where(_alarm.device_id == _device.id, _alarm.state != "closed", _alarm.cleared_at.is_(None))
    .scalar_subquery()
    .label("standing")
)


def _select_water(context: Context) -> "sa.Select[Any]":
    return _select_devices("hydrant", "water")(context).add_columns(_STANDING)


async def _finish_water(reads: Reads, rows: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    book = book_of(await reads.rows(READ_OVERRIDES))
    people = context.who.may(Permission.READ)
    found = []
    for row in rows:
        state = newest(row)
        values = {name: entry["value"] for name, entry in state.items() if isinstance(entry["value"], int | float)}
        verdict = water.judge(row, values, context.now, row["standing"] or (), book)
        age_s = water.age_s(row, values, context.now)
        found.append(
            _device_properties(row, people)
            | {name: values.get(name) for name in ("pressure_mpa", "flow_lps", "water_temp_c", "level_m")}
            | {
                "level_pct": water.shown_level_pct(row["limits"], values),
                "age_s": None if age_s is None else round(age_s),
                "usable": verdict.usable,
                # texts: QGIS and shapefiles have no lists
                "reasons": "；".join(reason.text for reason in verdict.reasons),
                "reasons_en": "; ".join(reason.text_en for reason in verdict.reasons),
                "reason_codes": ",".join(reason.code for reason in verdict.reasons),
            }
        )
    return found


def _select_sites(context: Context) -> "sa.Select[Any]":
    scope = context.who.scope
    devices = (
        sa.select(sa.func.count())
        .where(_device.site_id == _site.id, scope.clause(_device.area))
        .scalar_subquery()
        .label("devices")
    )
    alarms = (
        sa.select(sa.func.count())
        .where(_alarm.site_id == _site.id, _alarm.state != "closed", scope.clause(_alarm.area))
        .scalar_subquery()
        .label("open_alarms")
    )
    joined = tables.site.outerjoin(_PARENT, _PARENT.c.code == _site.area)
    return (
        sa.select(tables.site, _PARENT.c.name.label("area_name"), devices, alarms)
        .select_from(joined)
        .where(scope.clause(_site.area))
    )


async def _finish_sites(_reads: Reads, rows: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    names = ("id", "name", "area", "area_name", "address", "devices", "open_alarms")
    found = [{name: row[name] for name in names} for row in rows]
    for one, row in zip(found, rows, strict=True):
        until = row["test_window_until"]
        one["in_test"] = until is not None and until > context.now
    return found


def _select_alarms(context: Context) -> "sa.Select[Any]":
    return select_alarms(context.who.scope).where(context.who.scope.clause(_alarm.area))


async def _finish_alarms(_reads: Reads, rows: Sequence[Row], _context: Context) -> list[dict[str, Any]]:
    names = ("device_name", "device_kind", "site_name", "incident_title")
    return [alarm_document(row) | {name: row[name] for name in names} for row in rows]


def _select_areas(context: Context) -> "sa.Select[Any]":
    return sa.select(tables.area).where(context.who.scope.clause(_area.code))


async def _finish_areas(_reads: Reads, rows: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    found = [{name: row[name] for name in ("code", "name", "parent", "position_approximate")} for row in rows]
    for one in found:
        if not context.who.scope.covers(one["parent"]):
            one["parent"] = None
    return found


def _status(context: Context) -> Column:
    return status_of(context.now)


def _parent(context: Context) -> Column:
    """A filter tells no more than the answer does."""
    return sa.case((context.who.scope.clause(_area.parent), _area.parent))


_OF_DEVICES: Mapping[str, Column | Callable[[Context], Column]] = {
    "code": _device.code, "name": _device.name, "kind": _device.kind, "form": _device.form, "area": _device.area,
    "status": _status,
}  # fmt: skip


def _devices(  # noqa: PLR0917 - a line of the table below
    id_: str, title: str, title_en: str, description: str, select: Select, finish: Finish
) -> Collection:
    return Collection(
        id_, title, title_en, description, select, finish, key=_device.id, fid=_device.code, lon=_device.lon,
        lat=_device.lat, filters=_OF_DEVICES,
    )  # fmt: skip


COLLECTIONS: Mapping[str, Collection] = {
    one.id: one
    for one in (
        _devices(
            "devices", "设备", "Devices", "全部设备及其最新状态。 Every device with its newest state.",
            _select_shown(), _finish_devices,
        ),
        _devices(
            "hydrants", "消火栓", "Hydrants", "消火栓及其最新测量值。 Hydrants with their newest values.",
            _select_shown("hydrant"), _finish_devices,
        ),
        _devices(
            "water-sources", "消防水源", "Water sources",
            "消火栓、水池、天然水源：水压或水位、数据时效、能否使用及原因。"
            " Hydrants, pools and natural sources: pressure or level, its age, whether usable and why not.",
            _select_water, _finish_water,
        ),
        Collection(
            "sites", "联网单位", "Sites", "联网单位。 Sites that are monitored.", _select_sites, _finish_sites,
            key=_site.id, fid=_site.id, lon=_site.lon, lat=_site.lat,
            filters={"id": _site.id, "name": _site.name, "area": _site.area},
        ),
        Collection(
            "alarms", "警情", "Alarms",
            "警情，最新在前；时间为发生至关闭。 Alarms, newest first; their time is from raised to closed.",
            _select_alarms, _finish_alarms, key=_alarm.id, fid=_alarm.id,
            lon=sa.func.coalesce(_device.lon, _site.lon), lat=sa.func.coalesce(_device.lat, _site.lat),
            filters={
                "id": _alarm.id, "code": _alarm.code, "category": _alarm.category, "severity": _alarm.severity,
                "state": _alarm.state, "confidence": _alarm.confidence, "verification": _alarm.verification,
                "device": _device.code, "area": _alarm.area, "drill": _alarm.drill, "test_window": _alarm.test_window,
            },
            span=(_alarm.opened_at, _alarm.closed_at), newest_first=True,
        ),
        Collection(
            "areas", "行政区划", "Areas", "行政区划（GB/T 2260），点位为代表点。 Areas, as points that stand for them.",
            _select_areas, _finish_areas, key=_area.code, fid=_area.code, lon=_area.lon, lat=_area.lat,
            filters={"code": _area.code, "name": _area.name, "parent": _parent},
        ),
    )
}  # fmt: skip
"""Grids and hazards follow when the county has them: a collection that is always empty misleads a map."""
