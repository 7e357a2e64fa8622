"""Where the features of a collection stand, for its description. One statement, no HTTP.

Promises bounds that hold every feature that the caller sees (17-069r4, /req/core/fc-md-extent), and tell of no other.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from services.api.city.features.collections import Collection
from services.api.city.features.devices import Column
from services.api.request import tables
from services.api.request.database import Reads
from services.api.request.scope import Scope

Bounds = Sequence[float]
_COUNTY: Final = (110.7, 38.6, 111.5, 39.3)  # Baode; shown while nothing has a place
_device, _site, _area, _grid = tables.device.c, tables.site.c, tables.area.c, tables.grid.c


class _Ground(NamedTuple):
    """What stands somewhere: in which area, and its western, southern, eastern and northern edge."""

    area: Column
    west: Column
    south: Column
    east: Column
    north: Column


_GROUNDS: Final = {
    "devices": _Ground(_device.area, _device.lon, _device.lat, _device.lon, _device.lat),
    "sites": _Ground(_site.area, _site.lon, _site.lat, _site.lon, _site.lat),
    "areas": _Ground(_area.code, _area.lon, _area.lat, _area.lon, _area.lat),
    "grids": _Ground(_grid.area, _grid.west, _grid.south, _grid.east, _grid.north),
}
_ELSEWHERE: Final = {  # collections whose features stand where others do
    "hydrants": ("devices",), "water-sources": ("devices",), "alarms": ("devices", "sites"),
    "hazards": ("devices", "sites"),
}  # fmt: skip


async def extents(reads: Reads, scope: Scope, collections: Iterable[Collection]) -> dict[str, Bounds]:
    """Return west, south, east and north of each collection by its id; where nothing stands, those of the devices."""
    rows = await reads.rows(sa.union_all(*(_bounds(name, ground, scope) for name, ground in _GROUNDS.items())))
    found = {row["name"]: row for row in rows if row["west"] is not None}
    usual = _joined(found, ("devices",)) or _COUNTY
    return {one.id: _joined(found, _ELSEWHERE.get(one.id, (one.id,))) or usual for one in collections}


def _bounds(name: str, ground: _Ground, scope: Scope) -> "sa.Select[tuple[object, ...]]":
    return sa.select(
        sa.literal(name, sa.Text()).label("name"),
        sa.func.min(ground.west).label("west"), sa.func.min(ground.south).label("south"),
        sa.func.max(ground.east).label("east"), sa.func.max(ground.north).label("north"),
    ).where(scope.clause(ground.area))  # fmt: skip


def _joined(found: Mapping[str, Mapping[str, float]], names: Iterable[str]) -> Bounds | None:
    rows = [found[name] for name in names if name in found]
    if not rows:
        return None
    return [
        min(row["west"] for row in rows), min(row["south"] for row in rows),
        max(row["east"] for row in rows), max(row["north"] for row in rows),
    ]  # fmt: skip
