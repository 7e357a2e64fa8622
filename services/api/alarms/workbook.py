"""The history as one Excel workbook: all that the filters let through, in one file, up to a bound that is said."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from services.api.alarms.filters import AlarmFilter
from services.api.alarms.queue import fires_first
from services.api.registry.areas import read_area_names
from services.api.request.attachments import attachment, days_of
from services.api.request.auth import Reader
from services.api.request.described import described
from services.api.request.fields import Language
from services.api.request.page_words import name_of, person_name
from services.api.request.paging import MAX_LIMIT, encode_cursor
from services.api.request.problems import invalid
from services.api.request.sheets import flat
from services.api.request.state import Here
from services.api.request.workbook import DESCRIBED, MEDIA_TYPE, ONE_AT_A_TIME, Workbook
from services.core.words import Category

router = APIRouter(prefix="/api/v1", tags=["alarms"])
MOST_ROWS: Final = 20_000
_TITLE: Final = ("告警", "alarms")
_HEADINGS: Final = {
    "id": ("告警号", "Alarm"), "opened_at": ("发生时间（北京时间）", "Raised at (Beijing time)"),
    "area_name": ("区域", "Area"), "site_name": ("单位", "Site"), "device_name": ("设备", "Device"),
    "device": ("设备编号", "Code of device"), "component": ("部件", "Component"), "zone": ("分区", "Zone"),
    "code": ("告警类型", "Alarm type"), "category": ("类别", "Category"), "severity": ("级别", "Severity"),
    "state": ("状态", "State"), "confidence": ("可信度", "Confidence"), "verification": ("核实结果", "Verdict"),
    "value": ("数值", "Value"), "limit": ("限值", "Limit"), "reason": ("说明", "Reason"),
    "acknowledged_at": ("接警时间", "Taken at"), "acknowledged_by": ("接警人", "Taken by"),
    "cleared_at": ("恢复时间", "Returned at"), "closed_at": ("关闭时间", "Closed at"),
}  # fmt: skip
_TIMES: Final = tuple(name for name in _HEADINGS if name.endswith("_at"))
_LISTS: Final = ("code", "category", "severity", "state", "confidence", "verification")


@router.get("/alarms.xlsx", response_class=StreamingResponse, responses=described(None) | {200: DESCRIBED})
async def alarms_as_workbook(
    *,
    here: Here,
    who: Reader,
    wanted: AlarmFilter,
    lang: Annotated[Language, Query(description="of every word in it")] = Language.ZH,
) -> Response:
    """Write the alarms that the filters let through into an Excel workbook, in the order of the list.

    It is for people: it says what the page says, in their language, and times are the county's. More than 20 000
    alarms are refused: narrow `from` and `to`. For programs there is `GET /api/v1/alarms`, as JSON or CSV.
    """
    reads = here.database.heavy_for(who)
    statement = wanted.statement(who.scope)
    some = statement.limit(MOST_ROWS + 1).subquery()
    (count,) = await reads.rows(sa.select(sa.func.count().label("alarms")).select_from(some))
    if count["alarms"] > MOST_ROWS:
        raise invalid("from", f"these are more than {MOST_ROWS} alarms; narrow the days")
    areas = await read_area_names(reads)
    at = 0 if lang is Language.ZH else 1
    async with ONE_AT_A_TIME:
        book = Workbook(_TITLE[at], [words[at] for words in _HEADINGS.values()])
        try:
            cursor = None
            while True:
                items, places = await fires_first(reads, statement, MAX_LIMIT, cursor)
                rows = [_cells(item, lang, areas) for item in items[:MAX_LIMIT]]
                await asyncio.to_thread(book.add, rows, tuple(_HEADINGS))
                if len(items) <= MAX_LIMIT:
                    break
                cursor = encode_cursor(places[MAX_LIMIT - 1])
        except BaseException:
            book.drop()
            raise
    headers = attachment(_TITLE, lang, days_of(*wanted.span, here.clock.now()), "xlsx")
    return StreamingResponse(book.finish(), headers=headers, media_type=MEDIA_TYPE)


def _cells(item: dict[str, Any], lang: Language, areas: Mapping[str, str]) -> dict[str, Any]:
    cells = flat(item)
    cells |= {name: name_of(lang, name, cells[name]) for name in _LISTS}
    cells |= {name: datetime.fromisoformat(cells[name]) for name in _TIMES if cells[name] is not None}
    if item["category"] != Category.FIRE:  # nobody is asked to judge it, and the page says nothing of it
        cells["verification"] = None
    cells["area_name"] = areas.get(item["area"], item["area"])
    cells["acknowledged_by"] = person_name(lang, item["acknowledged_by"])
    if lang is Language.EN:
        cells["reason"] = item["reason_en"] or item["reason"]
    return cells
