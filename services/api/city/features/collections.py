"""The collections: their names, statements and filters. Data and statements, no HTTP.

Used by the routes. Promises that every statement keeps to the caller's areas, joins included, and that every page costs
the same, because a page begins behind a key and not at an offset.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from services.api.alarms.documents import WHOSE, select_alarms
from services.api.city.features.devices import (
    GIVEN,
    PARENT,
    Column,
    Context,
    Select,
    are_usable,
    finish_devices,
    finish_water,
    select_shown,
    select_water,
)
from services.api.city.features.grids import finish_grids, select_shown_grids, shown_parent, touches_box
from services.api.city.features.hazards import are_overdue, finish_hazards, select_shown_hazards
from services.api.city.features.values import WORST_ALARM, measured
from services.api.prevention.documents import AREA as HAZARD_AREA
from services.api.registry.documents import status_of
from services.api.request import tables
from services.api.request.database import Reads, Row
from services.api.request.roles import Permission
from services.core.alarms.ledger.document import alarm_document
from services.core.prevention.document import PEOPLE
from services.core.topics import Kind

_area, _site, _device, _alarm = tables.area.c, tables.site.c, tables.device.c, tables.alarm.c
_hazard, _grid, _risk = tables.hazard.c, tables.grid.c, tables.site_risk.c
Finish = Callable[[Reads, Sequence[Row], Context], Awaitable[list[dict[str, Any]]]]
_TYPES = {"boolean": sa.Boolean, "integer": sa.Integer, "number": sa.Float}
Judged = Callable[[Reads, Context, Sequence[sa.ColumnElement[bool]], bool], Awaitable[sa.ColumnElement[bool]]]
Touches = Callable[[float, float, float, float], sa.ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection. `key` orders it; `fid` identifies its features; `span` is their time.

    `filters` are columns; `judged` are properties, true or false, that code decides and no column holds. Where features
    are more than points, `shape` is their GeoJSON, `touches` says which a box touches, and lon and lat are unused.
    """

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
    judged: Mapping[str, Judged] = field(default_factory=dict)
    shape: Column | None = None
    touches: Touches | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the properties that can be filtered by."""
        return (*self.filters, *self.judged)

    def type_of(self, name: str) -> str:
        """Return the JSON Schema type of a filter."""
        column = self.filters.get(name)
        if column is None:
            return "boolean"
        kind = column.type if isinstance(column, sa.ColumnElement) else sa.Text()
        return next((name for name, type_ in _TYPES.items() if isinstance(kind, type_)), "string")

    def column_of(self, name: str, context: Context) -> Column:
        """Return what a filter compares."""
        column = self.filters[name]
        return column if isinstance(column, sa.ColumnElement) else column(context)


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
    joined = tables.site.outerjoin(PARENT, PARENT.c.code == _site.area).outerjoin(
        tables.site_risk, _risk.site_id == _site.id
    )
    risk = (_risk.score.label("risk"), _risk.grade.label("risk_grade"), _risk.since.label("risk_since"))
    return (
        sa.select(tables.site, PARENT.c.name.label("area_name"), devices, alarms, *risk)
        .select_from(joined)
        .where(scope.clause(_site.area))
    )


async def _finish_sites(_reads: Reads, rows: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    names = ("id", "name", "area", "area_name", "address", "devices", "open_alarms", "risk", "risk_grade", "risk_since")
    found = [{name: row[name] for name in names} for row in rows]
    for one, row in zip(found, rows, strict=True):
        until = row["test_window_until"]
        one["in_test"] = until is not None and until > context.now
    return found


async def _are_in_test(
    _reads: Reads, context: Context, _conditions: Sequence[sa.ColumnElement[bool]], wanted: bool
) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(_site.test_window_until > context.now, sa.false()) == wanted


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
    """Return the parent, if the caller may see it: a filter must reveal no more than the answer."""
    return sa.case((context.who.scope.clause(_area.parent), _area.parent))


def _people(column: Column) -> Callable[[Context], Column]:
    """Return a filter by names of people; a wall shows none, and finds nothing by them."""

    def shown(context: Context) -> Column:
        return column if context.who.may(Permission.READ) else sa.literal(None, sa.Text)

    return shown


Filters = Mapping[str, Column | Callable[[Context], Column]]
_OF_DEVICES: Filters = {
    "code": _device.code, "name": _device.name, "kind": _device.kind, "form": _device.form, "area": _device.area,
    "area_name": PARENT.c.name, "address": _device.address, "status": _status, "site": _site.id,
    "site_name": _site.name, "owner": _people(_device.owner), "maintainer": _people(_device.maintainer),
}  # fmt: skip
_WARNED: dict[str, Column] = {"alarm": WORST_ALARM}
_OF_WATER = measured(Kind.HYDRANT, Kind.WATER)


def _devices(  # noqa: PLR0917 - a line of the table below
    id_: str,
    title: str,
    title_en: str,
    description: str,
    select: Select,
    finish: Finish,
    filters: Mapping[str, Column],
    judged: Mapping[str, Judged] | None = None,
) -> Collection:
    return Collection(
        id_, title, title_en, description, select, finish, key=_device.id, fid=_device.code, lon=_device.lon,
        lat=_device.lat, filters={**filters, **_OF_DEVICES}, judged=judged or {},
    )  # fmt: skip


COLLECTIONS: Mapping[str, Collection] = {
    one.id: one
    for one in (
        _devices(
            "devices", "设备", "Devices", "全部设备及其最新状态。 Every device with its newest state.",
            select_shown(), finish_devices, measured(*Kind) | _WARNED,
        ),
        _devices(
            "hydrants", "消火栓", "Hydrants", "消火栓及其最新测量值。 Hydrants with their newest values.",
            select_shown("hydrant"), finish_devices, measured(Kind.HYDRANT) | _WARNED,
        ),
        _devices(
            "water-sources", "消防水源", "Water sources",
            "消火栓、水池、天然水源：水压或水位、数据时效、能否使用及原因。"
            " Hydrants, pools and natural sources: pressure or level, its age, whether usable and why not.",
            select_water, finish_water, {name: _OF_WATER[name] for name in GIVEN}, {"usable": are_usable},
        ),
        Collection(
            "sites", "联网单位", "Sites",
            "联网单位及其风险分值与等级。 Sites that are monitored, with score and grade of their risk.",
            _select_sites, _finish_sites,
            key=_site.id, fid=_site.id, lon=_site.lon, lat=_site.lat,
            filters={
                "id": _site.id, "name": _site.name, "area": _site.area, "area_name": PARENT.c.name,
                "address": _site.address, "risk": _risk.score, "risk_grade": _risk.grade,
            },
            judged={"in_test": _are_in_test},
        ),
        Collection(
            "alarms", "告警", "Alarms",
            "告警，最新在前；时间为发生至关闭。 Alarms, newest first; their time is from raised to closed.",
            _select_alarms, _finish_alarms, key=_alarm.id, fid=_alarm.id,
            lon=sa.func.coalesce(_device.lon, _site.lon), lat=sa.func.coalesce(_device.lat, _site.lat),
            filters={
                "id": _alarm.id, "code": _alarm.code, "category": _alarm.category, "severity": _alarm.severity,
                "state": _alarm.state, "confidence": _alarm.confidence, "verification": _alarm.verification,
                "device": WHOSE.code, "component": _alarm.component, "zone": _alarm.zone, "area": _alarm.area,
                "drill": _alarm.drill, "test_window": _alarm.test_window, "value": _alarm.value,
                "version": _alarm.version, "device_name": _device.name, "device_kind": WHOSE.kind,
                "site_name": _site.name, "incident_id": _alarm.incident_id, "incident_title": tables.incident.c.title,
            },
            span=(_alarm.opened_at, _alarm.closed_at), newest_first=True,
        ),
        Collection(
            "hazards", "隐患", "Hazards",
            "隐患，最新在前，位于其设备或单位；时间为发现至销案。"
            " Hazards, newest first, where their device or site stands; their time is from found to closed.",
            select_shown_hazards, finish_hazards, key=_hazard.id, fid=_hazard.id,
            lon=sa.func.coalesce(_device.lon, _site.lon), lat=sa.func.coalesce(_device.lat, _site.lat),
            filters={
                "id": _hazard.id, "code": _hazard.code, "grade": _hazard.grade, "source": _hazard.source,
                "state": _hazard.state, "device": _device.code, "device_name": _device.name,
                "device_kind": _device.kind, "component": _hazard.component, "site": _site.id,
                "site_name": _site.name, "area": HAZARD_AREA, "supervised": _hazard.supervised_at.is_not(None),
                "closed_as": _hazard.closed_as, "authority": _hazard.authority, "version": _hazard.version,
                **{name: _people(_hazard[name]) for name in sorted(PEOPLE)},
            },
            span=(_hazard.found_at, _hazard.closed_at), newest_first=True, judged={"overdue": are_overdue},
        ),
        Collection(
            "areas", "行政区划", "Areas", "行政区划（GB/T 2260），点位为代表点。 Areas, as points that stand for them.",
            _select_areas, _finish_areas, key=_area.code, fid=_area.code, lon=_area.lon, lat=_area.lat,
            filters={
                "code": _area.code, "name": _area.name, "parent": _parent,
                "position_approximate": _area.position_approximate,
            },
        ),
        Collection(
            "grids", "网格", "Grids", "网格及其边界。 Grids (网格) with their border.",
            select_shown_grids, finish_grids, key=_grid.id, fid=_grid.id, lon=_grid.west, lat=_grid.south,
            filters={
                "id": _grid.id, "name": _grid.name, "area": _grid.area, "parent": shown_parent,
                "version": _grid.version,
            },
            shape=_grid.polygon, touches=touches_box,
        ),
    )
}  # fmt: skip
