"""`GET /api/v1/grids/{id}/duties`: open hazards, inspections that are due and silent devices of one grid, by position.

What lies in a grid below lies in this one too: its duties are listed here as well.
"""

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import Response

from services.api.prevention.documents import select_hazards
from services.api.prevention.due import due_document, select_due
from services.api.prevention.grids.models import Duties
from services.api.prevention.grids.reading import find_grid, grid_document, within
from services.api.prevention.grids.routes import GridPath
from services.api.registry.documents import select_devices, status_of
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Reads, Row
from services.api.request.described import described
from services.api.request.paging import Limit
from services.api.request.scope import Scope
from services.api.request.state import Here
from services.core.prevention.document import hazard_document
from services.core.prevention.hazard import HazardState

router = APIRouter(prefix="/api/v1", tags=["grids"])
_device, _site, _state, _hazard = tables.device.c, tables.site.c, tables.device_state.c, tables.hazard.c


@router.get("/grids/{id}/duties", responses=described(Duties, 404))  # noqa: FAST003 - aliased in GridPath
async def list_duties(grid_id: GridPath, here: Here, who: Reader, limit: Limit = 100) -> Response:
    """List what the people of a grid have to do: at most `limit` of each, with how many there are in all."""
    row, now, scope = await find_grid(here.database, who, grid_id), here.clock.now(), who.scope
    reads = here.database
    devices = sa.select(_device.id).where(scope.clause(_device.area), within(grid_id, _device.lon, _device.lat))
    sites = sa.select(_site.id).where(scope.clause(_site.area), within(grid_id, _site.lon, _site.lat))
    hazards = _hazards(scope, devices, sites)
    due = select_due(scope, now).where(_device.id.in_(devices))
    silent = (
        select_devices(now, scope)
        .where(_device.id.in_(devices), status_of(now) == "offline")
        .order_by(_state.last_seen.asc().nulls_first(), _device.code)
    )
    grid = {name: value for name, value in grid_document(row).items() if name in {"id", "name", "people"}}
    counts = {
        "devices": await _count(reads, devices),
        "sites": await _count(reads, sites),
        "hazards": await _count(reads, hazards),
        "inspections_due": await _count(reads, due),
        "silent_devices": await _count(reads, silent),
    }
    shown = {
        "grid": grid,
        "at": now,
        "counts": counts,
        "hazards": [hazard_document(one, now) for one in await reads.rows(hazards.limit(limit))],
        "inspections_due": [due_document(one) for one in await reads.rows(due.limit(limit))],
        "silent_devices": [_silent(one) for one in await reads.rows(silent.limit(limit))],
    }
    return answer(shown)


def _hazards(scope: Scope, devices: "sa.Select[Any]", sites: "sa.Select[Any]") -> "sa.Select[Any]":
    """Return the statement of the open hazards of what lies in the grid."""
    return (
        select_hazards(scope)
        .where(_hazard.state != HazardState.VERIFIED)
        .where(sa.or_(_hazard.device_id.in_(devices), _hazard.site_id.in_(sites)))
        .order_by(_hazard.due.asc().nulls_last(), _hazard.id)
    )


async def _count(reads: Reads, statement: "sa.Select[Any]") -> int:
    counted = sa.select(sa.func.count().label("all")).select_from(statement.order_by(None).subquery())
    (row,) = await reads.rows(counted)
    return int(row["all"])


def _silent(row: Row) -> dict[str, Any]:
    shown = {name: row[name] for name in ("kind", "name", "area", "address", "last_seen")}
    place = None if row["lon"] is None else {"lon": row["lon"], "lat": row["lat"]}
    return {"device": row["code"], **shown, "location": place}
