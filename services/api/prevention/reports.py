"""The monthly report: as JSON, as a page that prints on A4, and as a workbook (contract 12)."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response, StreamingResponse

from services.api.prevention.report_data import Month, read_report
from services.api.prevention.report_models import MonthlyReport
from services.api.prevention.report_page import report_page
from services.api.prevention.report_tables import tables_of, title_of
from services.api.registry.areas import read_area_names
from services.api.request.answers import answer
from services.api.request.attachments import attachment
from services.api.request.auth import Reader
from services.api.request.described import described
from services.api.request.fields import AreaFilter, Language
from services.api.request.problems import invalid
from services.api.request.roles import Who
from services.api.request.state import Here, State
from services.api.request.workbook import DESCRIBED, MEDIA_TYPE, ONE_AT_A_TIME, Workbook
from services.core.clock import COUNTY, rfc3339
from services.core.words import county_time

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])
_KEPT_S = 30.0  # a page and its workbook are asked for after the numbers, one after the other
_PAGE = {"description": "Done", "content": {"text/html": {"schema": {"type": "string"}}}}
MonthName = Annotated[
    str | None,
    Query(
        pattern=r"^(19[7-9]\d|20\d\d|21\d\d)-(0[1-9]|1[0-2])$",
        description="of the county's calendar, as 2026-11; left out: the present one",
        examples=["2026-11"],
    ),
]
Lang = Annotated[Language, Query(description="of the words")]


async def _report(here: State, who: Who, name: str | None, area: str | None, *, anew: bool = False) -> dict[str, Any]:
    now = here.clock.now()
    asked = Month.of(name or f"{now.astimezone(COUNTY):%Y-%m}", now)
    if asked is None:
        raise invalid("month", "has not begun")
    days = here.settings.retention_days
    if asked.until <= now - timedelta(days=days):
        raise invalid("month", f"its alarms are not kept any more; they are for {days} days (FIRETOWER_RETENTION_DAYS)")

    async def read() -> dict[str, Any]:
        now = here.clock.now()  # and not when it was asked for: this may have waited for the reading of another
        month = Month.of(asked.name, now) or asked
        kept_since = now - timedelta(days=days)
        head = {
            "month": month.name, "area": area, "begin": rfc3339(month.begin), "until": rfc3339(month.until),
            "made_at": rfc3339(now), "kept_since": rfc3339(kept_since) if month.begin < kept_since else None,
        }  # fmt: skip
        return head | await read_report(here.database.heavy_for(who), who.scope.narrowed(area), month, now)

    get = here.kept.anew if anew else here.kept.get
    found: dict[str, Any] = await get(("report", who.scope.areas, asked.name, area), _KEPT_S, here.clock, read)
    return found


@router.get("/monthly", responses=described(MonthlyReport))
async def show_monthly_report(here: Here, who: Reader, month: MonthName = None, area: AreaFilter = None) -> Response:
    """Report a month of the county's calendar in numbers; the present one up to now."""
    return answer(await _report(here, who, month, area, anew=True))


@router.get("/monthly.html", response_class=HTMLResponse, responses=described(None) | {200: _PAGE})
async def print_monthly_report(
    here: Here, who: Reader, month: MonthName = None, area: AreaFilter = None, lang: Lang = Language.ZH
) -> Response:
    """Report a month as a page that prints on A4."""
    report = await _report(here, who, month, area)
    title, areas = title_of(report, lang), await read_area_names(here.database)
    return HTMLResponse(report_page(title, _facts(report, lang, areas), tables_of(report, lang, areas), lang))


def _facts(report: dict[str, Any], lang: Language, areas: Mapping[str, str]) -> str:
    at, where = county_time(datetime.fromisoformat(report["until"])), areas.get(report["area"], report["area"])
    lost = county_time(datetime.fromisoformat(report["kept_since"])) if report["kept_since"] else None
    if lang is Language.ZH:
        said = (
            f"统计截至{at.zh}",
            where and f"区域 {where}",
            lost and f"不完整：{lost.zh}以前结束的告警已按保存期删除",
        )
        return "；".join(part for part in said if part)
    said = (
        f"Up to {at.en}",
        where and f"area {where}",
        lost and f"not whole: alarms closed before {lost.en} are deleted",
    )
    return "; ".join(part for part in said if part)


@router.get("/monthly.xlsx", response_class=StreamingResponse, responses=described(None) | {200: DESCRIBED})
async def monthly_report_as_workbook(
    here: Here, who: Reader, month: MonthName = None, area: AreaFilter = None, lang: Lang = Language.ZH
) -> Response:
    """Report a month as an Excel workbook, a sheet for each part."""
    report = await _report(here, who, month, area)
    tables = tables_of(report, lang, await read_area_names(here.database))

    def write() -> Workbook:
        book = Workbook(tables[0].title, tables[0].headings)
        try:
            for table in tables:
                if table is not tables[0]:
                    book.begin(table.title, table.headings)
                places = [str(at) for at in range(len(table.headings))]
                book.add((dict(zip(places, row, strict=True)) for row in table.rows), places)
        except BaseException:
            book.drop()
            raise
        return book

    async with ONE_AT_A_TIME:
        book = await asyncio.to_thread(write)
    headers = attachment(("月报", "report"), lang, [report["month"], *([area] if area else [])], "xlsx")
    return StreamingResponse(book.finish(), headers=headers, media_type=MEDIA_TYPE)
