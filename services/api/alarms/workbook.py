"""The history as one Excel workbook: all that the filters let through, in one file, up to a bound that is said."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from services.api.alarms.filters import COLUMNS, AlarmFilter
from services.api.alarms.queue import fires_first
from services.api.request.auth import Reader
from services.api.request.described import described
from services.api.request.fields import Language
from services.api.request.paging import MAX_LIMIT, encode_cursor
from services.api.request.problems import invalid
from services.api.request.sheets import flat
from services.api.request.state import Here
from services.api.request.workbook import DESCRIBED, MEDIA_TYPE, ONE_AT_A_TIME, Workbook

router = APIRouter(prefix="/api/v1", tags=["alarms"])
MOST_ROWS: Final = 20_000
_TITLES: Final = {"zh": "告警", "en": "alarms"}
_HEADINGS: Final = {
    "id": "告警号", "opened_at": "发生时间（北京时间）", "area": "区域", "site_id": "单位编号", "site_name": "单位",
    "device": "设备编号", "device_name": "设备", "component": "部件", "zone": "分区", "code": "告警类型",
    "category": "类别", "severity": "级别", "state": "状态", "confidence": "可信度", "verification": "核实",
    "value": "数值", "limit": "限值", "reason": "说明", "reason_en": "说明（英文）",
    "acknowledged_at": "接警时间", "acknowledged_by": "接警人", "cleared_at": "恢复时间", "closed_at": "关闭时间",
}  # fmt: skip
_TIMES: Final = frozenset(name for name in COLUMNS if name.endswith("_at"))


@router.get("/alarms.xlsx", response_class=StreamingResponse, responses=described(None) | {200: DESCRIBED})
async def alarms_as_workbook(
    *,
    here: Here,
    who: Reader,
    wanted: AlarmFilter,
    lang: Annotated[Language, Query(description="of the headings")] = Language.ZH,
) -> Response:
    """Write the alarms that the filters let through into an Excel workbook, in the order of the list.

    Times are the county's. More than 20 000 alarms are refused: narrow `from` and `to`.
    """
    reads = here.database.heavy_for(who)
    statement = wanted.statement(who.scope)
    some = statement.limit(MOST_ROWS + 1).subquery()
    (count,) = await reads.rows(sa.select(sa.func.count().label("alarms")).select_from(some))
    if count["alarms"] > MOST_ROWS:
        raise invalid("from", f"these are more than {MOST_ROWS} alarms; narrow the days")
    async with ONE_AT_A_TIME:
        headings = [_HEADINGS[name] if lang is Language.ZH else name for name in COLUMNS]
        book = Workbook(_TITLES[lang], headings)
        try:
            cursor = None
            while True:
                items, places = await fires_first(reads, statement, MAX_LIMIT, cursor)
                await asyncio.to_thread(book.add, [_cells(item) for item in items[:MAX_LIMIT]], COLUMNS)
                if len(items) <= MAX_LIMIT:
                    break
                cursor = encode_cursor(places[MAX_LIMIT - 1])
        except BaseException:
            book.drop()
            raise
    headers = {"Content-Disposition": 'attachment; filename="alarms.xlsx"'}
    return StreamingResponse(book.finish(), headers=headers, media_type=MEDIA_TYPE)


def _cells(item: dict[str, Any]) -> dict[str, Any]:
    cells = flat(item)
    return cells | {name: datetime.fromisoformat(cells[name]) for name in _TIMES if cells[name] is not None}
