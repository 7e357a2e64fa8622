"""Inspections (巡查): the list, one, its photo, what is due, and the checklists."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from services.api.prevention.due import due_document, select_due
from services.api.prevention.grids.models import DueInspection, GridId
from services.api.prevention.grids.reading import find_grid, within
from services.api.prevention.inspections.models import ChecklistShown, Inspection
from services.api.prevention.inspections.reading import AREA, inspection_document, select_inspections
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import first
from services.api.request.described import described
from services.api.request.fields import BIGINT, AreaFilter, DeviceFilter, From, To, check_span
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page_of
from services.api.request.problems import not_found
from services.api.request.sheets import AsSheet
from services.api.request.state import Here
from services.core.prevention.checklists import CHECKLISTS
from services.core.statements import load_queries

router = APIRouter(prefix="/api/v1", tags=["inspections"])
SQL = load_queries(__file__)
_inspection, _device, _site = tables.inspection.c, tables.device.c, tables.site.c
InspectionId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]
_COLUMNS = (
    "id", "inspected_at", "inspected_by", "device", "device_name", "device_kind", "site_id", "site_name", "area",
    "checklist", "failed", "note", "hazards", "photo",
)  # fmt: skip
# Looked at as what it is and as nothing else, whatever stands in it.
_PHOTO_HEADERS = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}


@router.get("/checklists", responses=described(Page[ChecklistShown]))
async def list_checklists(_who: Reader, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    """List what is looked at, by kind of device and for sites."""
    items = [
        {
            "name": one.name, "title": one.zh, "title_en": one.en,
            "items": [
                {"item": item.code, "title": item.zh, "title_en": item.en, "hazard": item.hazard, "source": item.source}
                for item in one.items
            ],
        }
        for one in CHECKLISTS.values()
    ]  # fmt: skip
    return page_of(items, "name", limit, cursor)


@router.get("/inspections", responses=described(Page[Inspection], sheet=True))
async def list_inspections(
    *,
    here: Here,
    who: Reader,
    device: DeviceFilter = None,
    site: Annotated[int | None, Query(ge=1, le=BIGINT, description="its own, or the site of its device")] = None,
    area: AreaFilter = None,
    failed: Annotated[bool | None, Query(description="only those with a failed item (false: without)")] = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    sheet: AsSheet,
) -> Response:
    """List inspections, the one that came last first."""
    check_span(begin, end)
    statement = select_inspections(who.scope).order_by(_inspection.id.desc()).limit(limit + 1)
    if device is not None:
        statement = statement.where(_device.code == device)
    if site is not None:
        statement = statement.where(_site.id == site)
    if area is not None:
        statement = statement.where(AREA.startswith(area))
    if failed is not None:
        statement = statement.where(_inspection.failed > 0 if failed else _inspection.failed == 0)
    if begin is not None:
        statement = statement.where(_inspection.inspected_at >= begin)
    if end is not None:
        statement = statement.where(_inspection.inspected_at < end)
    if place := decode_cursor(cursor, int):
        statement = statement.where(_inspection.id < place[0])
    rows = await here.database.rows(statement)
    items = [inspection_document(row) for row in rows]
    return sheet.page(items, limit, [(row["id"],) for row in rows], name="inspections", columns=_COLUMNS)


@router.get("/inspections/due", responses=described(Page[DueInspection], 404, sheet=True))
async def list_due_inspections(
    *,
    here: Here,
    who: Reader,
    area: AreaFilter = None,
    grid: Annotated[GridId | None, Query(description="only what lies in it")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    sheet: AsSheet,
) -> Response:
    """List the water sources that should be looked at, by code."""
    statement = select_due(who.scope, here.clock.now()).order_by(None).order_by(_device.code).limit(limit + 1)
    if area is not None:
        statement = statement.where(_device.area.startswith(area))
    if grid is not None:
        await find_grid(here.database, who, grid)
        statement = statement.where(within(grid, _device.lon, _device.lat))
    if place := decode_cursor(cursor, str):
        statement = statement.where(_device.code > place[0])
    items = [due_document(row) for row in await here.database.rows(statement)]
    columns = tuple(name for name in DueInspection.model_fields if name != "location")
    return sheet.page(items, limit, [(one["device"],) for one in items], name="inspections-due", columns=columns)


@router.get("/inspections/{id}", responses=described(Inspection, 404))  # noqa: FAST003 - aliased in InspectionId
async def show_inspection(inspection_id: InspectionId, here: Here, who: Reader) -> Response:
    """Show one inspection."""
    row = await first(here.database, select_inspections(who.scope).where(_inspection.id == inspection_id))
    if row is None:
        raise not_found(f"inspection {inspection_id}")
    return answer(inspection_document(row))


_PICTURES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in
                    ("image/jpeg", "image/png", "image/webp")},
    }
}  # fmt: skip


@router.get(
    "/inspections/{id}/photo",  # noqa: FAST003 - aliased in InspectionId
    responses=described(None, 404) | _PICTURES,
    response_class=Response,
)
async def show_photo(inspection_id: InspectionId, here: Here, who: Reader) -> Response:
    """Show the photo of an inspection, as it was taken."""
    shown = select_inspections(who.scope).where(_inspection.id == inspection_id)
    row = await first(here.database, shown.where(_inspection.photo_type.is_not(None)))
    if row is None:
        raise not_found(f"photo of inspection {inspection_id}")
    (photo,) = await here.database.rows(SQL["photo"], id=inspection_id)
    kind = row["photo_type"]
    name = f"inspection-{inspection_id}.{kind.removeprefix('image/')}"
    headers = _PHOTO_HEADERS | {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(photo["content"], headers=headers, media_type=kind)
