"""Reads grids inside the areas of who asks: the statement, the document, what lies in one, and what does not fit."""

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, Final

import sqlalchemy as sa
from shapely.geometry import shape

from services.api.prevention.grids.coverage import Fault, Finding, Grid, find_faults
from services.api.request import tables
from services.api.request.database import Reads, Row, first
from services.api.request.problems import not_found
from services.api.request.roles import Who
from services.api.request.scope import Scope

MOST_LISTED: Final = 1000
_grid, _device, _site = tables.grid.c, tables.device.c, tables.site.c
PARENT = tables.grid.alias("above")
_WORDS: Final = {
    Fault.OVERLAP: ("网格 {grids} 重叠 {area} 平方米", "grids {grids} overlap by {area} m²"),
    Fault.GAP: ("网格 {grids} 内有 {area} 平方米不属于任何下级网格", "{area} m² of grid {grids} are in none below it"),
    Fault.BEYOND: ("网格 {grids}：{area} 平方米超出上级网格", "grids {grids}: {area} m² lie outside the parent"),
    Fault.UNCHECKED: (
        "网格 {grids} 的边界交错太多，无法比较，请简化或重画边界",
        "the borders of grids {grids} cannot be compared, they meet too often: simplify or redraw them",
    ),
}
_WORDS_OF_NONE: Final = {
    Fault.GAP: ("{area} 平方米被网格包围，却不属于任何网格", "{area} m² are enclosed by grids and in none"),
    Fault.UNCHECKED: ("网格太多或边界太复杂，没有全部比较", "grids are too many or too complex: not all were compared"),
}
COMPARED_S: Final = 5.0
"""So long somebody waits for a page, and a thread works for nobody else."""


def select_grids(scope: Scope) -> "sa.Select[Any]":
    """Return the statement that reads the grids of `scope`; a parent is named only where it is seen itself."""
    shown = [column for column in _grid if column.name not in {"parent", "polygon"}]
    joined = tables.grid.outerjoin(PARENT, sa.and_(PARENT.c.id == _grid.parent, scope.clause(PARENT.c.area)))
    return sa.select(*shown, PARENT.c.id.label("parent")).select_from(joined).where(scope.clause(_grid.area))


def grid_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the grid of a list."""
    people = [one for one in row["people"] if isinstance(one, dict)] if isinstance(row["people"], list) else []
    shown = {name: row[name] for name in ("id", "name", "area", "parent", "updated_at", "version")}
    return shown | {"people": people, "bbox": [row[name] for name in ("west", "south", "east", "north")]}


def within(grid_id: str, lon: sa.ColumnElement[float], lat: sa.ColumnElement[float]) -> sa.ColumnElement[bool]:
    """Return the condition that a place lies in a grid."""
    at = sa.func.grids_at(lon, lat).column_valued("holder")
    return sa.exists(sa.select(at).where(at == grid_id))


async def find_grid(reads: Reads, who: Who, grid_id: str) -> Row:
    """Return the row of a grid one may see, with its polygon.

    Raises:
        Problem: 404.
    """
    row = await first(reads, select_grids(who.scope).add_columns(_grid.polygon).where(_grid.id == grid_id))
    if row is None:
        raise not_found(f"grid {grid_id}")
    return row


async def show_grid(reads: Reads, who: Who, grid_id: str) -> dict[str, Any]:
    """Return one grid with its border and what lies in it; `faults` and `notes` are still to be filled in.

    Raises:
        Problem: 404.
    """
    row = await find_grid(reads, who, grid_id)
    scope = who.scope
    total = sa.func.count().over().label("total")
    devices = await reads.rows(
        sa.select(_device.code, total)
        .where(scope.clause(_device.area), within(grid_id, _device.lon, _device.lat))
        .order_by(_device.code)
        .limit(MOST_LISTED)
    )
    sites = await reads.rows(
        sa.select(_site.id, _site.name, total)
        .where(scope.clause(_site.area), within(grid_id, _site.lon, _site.lat))
        .order_by(_site.id)
        .limit(MOST_LISTED)
    )
    return grid_document(row) | {
        "polygon": row["polygon"],
        "device_count": devices[0]["total"] if devices else 0,
        "devices": [one["code"] for one in devices],
        "site_count": sites[0]["total"] if sites else 0,
        "sites": [{"id": one["id"], "name": one["name"]} for one in sites],
        "faults": [],
        "notes": [],
    }


async def faults_of(reads: Reads, who: Who, grid_id: str) -> list[dict[str, Any]]:
    """Return what does not fit and concerns one grid. Takes its time: never asked inside a transaction that writes."""
    statement = select_grids(who.scope).add_columns(_grid.parent.label("below"))
    near = await first(reads, statement.where(_grid.id == grid_id))
    faults = [] if near is None else await read_faults(reads, who.scope, near)
    return [finding_document(one) for one in faults if grid_id in one.grids or one[:2] == (Fault.UNCHECKED, ())]


async def read_faults(reads: Reads, scope: Scope, near: Row | None = None) -> list[Finding]:
    """Return what does not fit among the grids of `scope`; with `near`, among those around that grid."""
    statement = sa.select(_grid.id, _grid.parent, _grid.polygon).where(scope.clause(_grid.area))
    if near is not None:
        statement = statement.where(
            sa.or_(
                _grid.id == near["id"], _grid.parent == near["id"], _grid.id == near["below"],
                sa.and_(
                    _grid.parent.is_not_distinct_from(near["below"]),
                    _grid.west <= near["east"], _grid.east >= near["west"],
                    _grid.south <= near["north"], _grid.north >= near["south"],
                ),
            )
        )  # fmt: skip
    return await asyncio.to_thread(_find, await reads.rows(statement.order_by(_grid.id)))


def _find(rows: Sequence[Row]) -> list[Finding]:
    end = monotonic() + COMPARED_S
    grids = [Grid(row["id"], row["parent"], shape(row["polygon"])) for row in rows]
    return find_faults(grids, lambda: monotonic() > end)


def finding_document(one: Finding) -> dict[str, Any]:
    """Return what does not fit, with words."""
    zh, en = (_WORDS if one.grids else _WORDS_OF_NONE)[one.fault]
    said = {"grids": ", ".join(one.grids), "area": f"{one.area_m2:.0f}"}
    return {
        "fault": one.fault, "grids": list(one.grids), "area_m2": one.area_m2,
        "location": {"lon": one.lon, "lat": one.lat}, "text": zh.format(**said), "text_en": en.format(**said),
    }  # fmt: skip
