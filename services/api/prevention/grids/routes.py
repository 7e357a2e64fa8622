"""Grids (网格): the list, one with what lies in it, registering, changing and removing one, and what does not fit."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from services.api.prevention.grids.coverage import MOST_FINDINGS
from services.api.prevention.grids.models import GRID_ID, Grid, GridCoverage, GridDetail, GridId, GridPut
from services.api.prevention.grids.polygons import BadPolygon, Read, read_polygon
from services.api.prevention.grids.reading import (
    faults_of,
    finding_document,
    grid_document,
    read_faults,
    select_grids,
    show_grid,
)
from services.api.prevention.grids.room import Room
from services.api.prevention.grids.writing import SQL, read_tree, store, take_turn, values_of
from services.api.registry.datum import Datum
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.chinese import with_chinese
from services.api.request.database import Inside
from services.api.request.described import described
from services.api.request.fields import AreaFilter, plain
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.state import Here
from services.api.request.versions import IfMatch, IfNoneMatch, check_match, check_none
from services.api.request.writing import Maintainer, Write

router = APIRouter(prefix="/api/v1", tags=["grids"])
_grid = tables.grid.c
GridPath = Annotated[str, Path(alias="id", pattern=GRID_ID, examples=["dg-01"])]


@router.get("/grids", responses=described(Page[Grid]))
async def list_grids(
    *,
    here: Here,
    who: Reader,
    area: AreaFilter = None,
    parent: Annotated[GridId | None, Query(description="those that stand right below this one")] = None,
    q: Annotated[str | None, Query(max_length=100, description="part of id or name")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List grids by id, without their borders."""
    statement = select_grids(who.scope).order_by(_grid.id).limit(limit + 1)
    if area is not None:
        statement = statement.where(_grid.area.startswith(area))
    if parent is not None:
        statement = statement.where(_grid.parent == parent)
    if q:
        text = plain("q", q)
        statement = statement.where(
            _grid.id.icontains(text, autoescape=True) | _grid.name.icontains(text, autoescape=True)
        )
    if place := decode_cursor(cursor, str):
        statement = statement.where(_grid.id > place[0])
    rows = await here.database.rows(statement)
    return page([grid_document(row) for row in rows], limit, [(row["id"],) for row in rows])


@router.get("/grid-coverage", responses=described(GridCoverage))
async def show_coverage(
    here: Here, who: Reader, limit: Annotated[int, Query(ge=1, le=MOST_FINDINGS)] = MOST_FINDINGS
) -> Response:
    """Say where grids overlap, leave gaps or stand out of their parent, the largest first. Narrow strips are none."""
    reads = here.database.heavy_for(who)
    faults = await read_faults(reads, who.scope)
    count = len(await reads.rows(select_grids(who.scope).with_only_columns(_grid.id)))
    shown = [finding_document(one) for one in faults[:limit]]
    return answer({"at": here.clock.now(), "grids": count, "faults": shown})


@router.get("/grids/{id}", responses=described(GridDetail, 404, etag=True))  # noqa: FAST003 - aliased in GridPath
async def show_one_grid(grid_id: GridPath, here: Here, who: Reader) -> Response:
    """Show one grid with its border, the devices and sites that lie in it, and what does not fit."""
    shown = await show_grid(here.database, who, grid_id)
    return answer(shown | {"faults": await faults_of(here.database, who, grid_id)}, version=shown["version"])


@router.put(
    "/grids/{id}",  # noqa: FAST003 - aliased in GridPath
    responses=described(GridDetail, 404, 409, 412, etag=True)
    | {201: {"model": GridDetail, "description": "Registered"}},
)
async def put_grid(
    *,
    grid_id: GridPath,
    body: GridPut,
    here: Here,
    writer: Maintainer,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Register or change a grid. Overlaps and gaps are reported in `faults` and refuse nothing."""
    read = None if body.polygon is None else await _read_polygon(body.polygon, body.datum)

    async def work(write: Write) -> Response:
        await take_turn(write)
        before = await write.connection.fetchrow(SQL["find"], grid_id)
        if before is not None:
            if not write.who.scope.covers(before["area"]):
                raise not_found(f"grid {grid_id}")
            check_match(if_match, before["version"])
            check_none(if_none_match, before["version"])
        elif if_match is not None:
            raise Problem(412, "version_conflict", f"there is no grid {grid_id} yet: leave If-Match out to register it")
        if read is None and (before is None or "polygon" in body.model_fields_set):
            raise invalid("polygon", "cannot be cleared" if before else "is needed to register a grid")
        values = await values_of(write, grid_id, body, before, await read_tree(write))
        border = None if read is None else read.border
        (await Room.left_by(write)).take(border, before)
        await store(write, grid_id, values, border, new=before is None)
        await write.record("grid.put", f"grid:{grid_id}", **values, polygon=border is not None)
        shown = await show_grid(Inside(write.connection), write.who, grid_id)
        notes = [with_chinese(note._asdict()) for note in (read.notes if read else ())]
        return answer(shown | {"notes": notes}, 200 if before else 201, version=shown["version"])

    return await with_faults(await writer.perform(work), faults_of(here.database, writer.who, grid_id))


async def with_faults(response: Response, faults: Awaitable[list[dict[str, Any]]]) -> Response:
    """Return an answer with what does not fit now that its transaction is over."""
    told = answer(orjson.loads(response.body) | {"faults": await faults}, response.status_code)
    kept = ("etag", "location", "idempotency-replayed")
    told.headers.update({name: response.headers[name] for name in kept if name in response.headers})
    return told


async def _read_polygon(polygon: dict[str, Any], datum: Datum | None) -> Read:
    try:
        return await asyncio.to_thread(read_polygon, polygon, datum or Datum.WGS84)
    except BadPolygon as error:
        raise invalid(error.field, error.message) from None


@router.delete("/grids/{id}", status_code=204, responses=described(None, 404, 409, 412, status=204))  # noqa: FAST003
async def remove_grid(grid_id: GridPath, writer: Maintainer, if_match: IfMatch = None) -> Response:
    """Remove a grid that none stands below. What lies in it stays."""

    async def work(write: Write) -> Response:
        await take_turn(write)
        before = await write.connection.fetchrow(SQL["find"], grid_id)
        if before is None or not write.who.scope.covers(before["area"]):
            raise not_found(f"grid {grid_id}")
        check_match(if_match, before["version"])
        if grid_id in (await read_tree(write)).parents.values():
            raise Problem(409, "has_children", f"grids stand below {grid_id}: move or remove them first")
        await write.connection.execute(SQL["remove"], grid_id)
        await write.record("grid.remove", f"grid:{grid_id}")
        return Response(status_code=204)

    return await writer.perform(work)
