"""The registry as one Excel workbook: what the filters of the list let through, in the words of the page."""

import asyncio
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from services.api.registry.areas import read_area_names
from services.api.registry.devices import OfTrouble, Search, narrowed
from services.api.registry.documents import newest, read_alarms, select_devices
from services.api.registry.sheet.headings import HEADINGS
from services.api.request import tables
from services.api.request.attachments import attachment, days_of
from services.api.request.auth import Reader
from services.api.request.database import Reads
from services.api.request.described import described
from services.api.request.fields import AreaFilter, Language
from services.api.request.page_words import name_of
from services.api.request.paging import MAX_LIMIT
from services.api.request.problems import invalid
from services.api.request.state import Here
from services.api.request.workbook import DESCRIBED, MEDIA_TYPE, ONE_AT_A_TIME, Workbook
from services.core.topics import Kind
from services.core.words import DeviceStatus

router = APIRouter(prefix="/api/v1", tags=["devices"])
MOST_ROWS: Final = 20_000
_TITLE: Final = ("设备", "devices")
_LISTS: Final = ("kind", "form", "status", "severity")
_NEWEST: Final = ("battery_pct", "rsrp_dbm")


@router.get("/devices.xlsx", response_class=StreamingResponse, responses=described(None) | {200: DESCRIBED})
async def devices_as_workbook(
    *,
    here: Here,
    who: Reader,
    kind: Kind | None = None,
    area: AreaFilter = None,
    status: DeviceStatus | None = None,
    q: Search = None,
    trouble: OfTrouble = None,
    lang: Annotated[Language, Query(description="of every word in it")] = Language.ZH,
) -> Response:
    """Write the devices that the filters let through into an Excel workbook, by code.

    It is for people: it says what the page says, in their language, and times are the county's. More than 20 000
    devices are refused: choose an area. For programs there is `GET /api/v1/devices`, as JSON or CSV.
    """
    reads, now = here.database.heavy_for(who), here.clock.now()
    found = select_devices(now, who.scope)
    statement = narrowed(found, who, now, kind=kind, area=area, status=status, q=q, trouble=trouble)
    some = statement.with_only_columns(tables.device.c.id).limit(MOST_ROWS + 1).subquery()
    (count,) = await reads.rows(sa.select(sa.func.count().label("devices")).select_from(some))
    if count["devices"] > MOST_ROWS:
        raise invalid("area", f"these are more than {MOST_ROWS} devices; choose an area")
    areas, at = await read_area_names(reads), 0 if lang is Language.ZH else 1
    async with ONE_AT_A_TIME:
        book = Workbook(_TITLE[at], [words[at] for words in HEADINGS.values()])
        try:
            after: str | None = ""
            while after is not None:
                rows, after = await _part(reads, statement, after, lang, areas)
                await asyncio.to_thread(book.add, rows, tuple(HEADINGS))
        except BaseException:
            book.drop()
            raise
    headers = attachment(_TITLE, lang, days_of(None, None, now), "xlsx")
    return StreamingResponse(book.finish(), headers=headers, media_type=MEDIA_TYPE)


async def _part(
    reads: Reads, statement: "sa.Select[Any]", after: str, lang: Language, areas: dict[str, str]
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the rows behind the code `after`, and the code to go on behind; None at the end."""
    code = tables.device.c.code
    found = await reads.rows(statement.where(code > after).order_by(code).limit(MAX_LIMIT))
    alarms = await read_alarms(reads, [row["id"] for row in found])
    rows = [_cells(dict(row) | {"severity": alarms.get(row["id"])}, lang, areas) for row in found]
    return rows, found[-1]["code"] if len(found) == MAX_LIMIT else None


def _cells(row: dict[str, Any], lang: Language, areas: dict[str, str]) -> dict[str, Any]:
    cells = row | {name: name_of(lang, name, row[name]) for name in _LISTS}
    state = newest(row)
    cells |= {name: state[name]["value"] for name in _NEWEST if name in state}
    cells["area_name"] = areas.get(row["area"], row["area"])
    if row["status"] != DeviceStatus.OUT_OF_SERVICE:  # of an earlier time
        cells["out_of_service_until"] = cells["out_of_service_reason"] = None
    return cells
