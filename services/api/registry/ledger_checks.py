"""Is the ledger true? Devices without a place, in the wrong place, never heard, or unlike what they send.

Contract 12, data quality. Counts per check with the devices behind them; a check by itself is a list, for a spreadsheet
too. Promises that a check that would read too much says so, and is no zero.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.registry.sheet.doubts import FAR_KM
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Reads, Row
from services.api.request.described import described
from services.api.request.fields import AreaFilter
from services.api.request.paging import MAX_LIMIT, Cursor, Limit, Page, decode_cursor
from services.api.request.problems import Problem
from services.api.request.scope import Scope
from services.api.request.sheets import AsSheet
from services.api.request.state import Here
from services.core.prevention.thresholds import threshold
from services.core.statements import load_queries
from services.core.topics import Kind

router = APIRouter(prefix="/api/v1/data-quality", tags=["devices"])
SQL = load_queries(__file__)

INTERVAL_FACTOR: Final = 2.0
"""An interval twice or half of the true one: silence is told twice as late as promised, or of a device that is well."""
NEWEST_ROWS: Final = 16  # whose gaps are looked at
LEAST_GAPS: Final = 4
LOOK_BACK: Final = timedelta(days=14)
MOST_DEVICES: Final = 10_000  # whose newest readings one request looks at: 1.3 to 2 s on two slow cores at load 9


class Check(StrEnum):
    """What is asked of every device."""

    NO_POSITION = "no_position"
    OUTSIDE_AREA = "outside_area"
    OUTSIDE_GRID = "outside_grid"
    DOUBLED_POSITION = "doubled_position"
    NEVER_HEARD = "never_heard"
    KIND_CONTRADICTS = "kind_contradicts"
    INTERVAL_CONTRADICTS = "interval_contradicts"
    STALE_INSPECTION = "stale_inspection"
    UNREGISTERED = "unregistered"


class Words(NamedTuple):
    """A check, and what it says of one device; names in braces are those of the row's note."""

    title: str
    title_en: str
    row: str
    row_en: str


WORDS: Final = {
    Check.NO_POSITION: Words("没有位置", "no position", "台账没有坐标，地图上看不到", "no coordinates: on no map"),
    Check.OUTSIDE_AREA: Words(
        "位置不在所属区域", "outside its area", "{zh}", "{en}"
    ),
    Check.OUTSIDE_GRID: Words(
        "不在网格内", "in no grid", "所在区域已划分网格，位置不在任何一个网格内",
        "its area has grids, and it stands in none of them",
    ),
    Check.DOUBLED_POSITION: Words(
        "位置重复", "doubled position", "与同类设备 {others} 位置相同", "on the spot of {others}, of the same kind"
    ),
    Check.NEVER_HEARD: Words("从未上报", "never heard", "已登记，从未收到消息", "registered, and no message ever came"),
    Check.KIND_CONTRADICTS: Words(
        "类型与上报不符", "kind unlike its messages",
        "台账为 {said}，上报为 {heard}", "listed as {said}, sends as {heard}",
    ),
    Check.INTERVAL_CONTRADICTS: Words(
        "间隔与上报不符", "interval unlike its messages", "台账为 {said} 秒，实际约 {heard} 秒一次",
        "listed as every {said} s, comes about every {heard} s",
    ),
    Check.STALE_INSPECTION: Words(
        "巡查过期", "inspection overdue", "水源最近巡查：{last}，周期 {interval_d} 天",
        "water source last inspected: {last_en}, every {interval_d} d",
    ),
    Check.UNREGISTERED: Words(
        "未登记", "not registered", "设备有上报，台账里没有", "it sends, and stands in no ledger"
    ),
}  # fmt: skip


class DoubtfulDevice(BaseModel):
    """A device that a check found."""

    code: str = Field(examples=["h-0001"])
    kind: Kind
    name: str
    area: str
    address: str
    since: str = Field(description="when the device became known")
    text: str = Field(examples=["与同类设备 h-0002 位置相同"])
    text_en: str


class CheckFound(BaseModel):
    """One check."""

    check: Check
    text: str
    text_en: str
    count: int | None = Field(description="null: too many devices to look at; ask for one area")
    rows: list[DoubtfulDevice] = Field(description="the first by code; `GET /api/v1/data-quality/{check}` has all")


class DataQuality(BaseModel):
    """What the checks found."""

    at: str
    devices: int = Field(description="how many were looked at")
    checks: list[CheckFound]


@router.get("", responses=described(DataQuality))
async def look_at_ledger(
    *,
    here: Here,
    who: Reader,
    check: Annotated[Check | None, Query(description="this check alone")] = None,
    area: AreaFilter = None,
    limit: Annotated[int, Query(ge=0, le=MAX_LIMIT, description="most rows of each check")] = 20,
) -> Response:
    """Check the ledger against itself and against what devices send."""
    look = Look(here.database.heavy_for(who), who.scope, area or "", here.clock.now())
    devices = await look.how_many()
    found = []
    for one in Check if check is None else (check,):
        too_many = one is Check.INTERVAL_CONTRADICTS and devices > MOST_DEVICES
        count, rows = (None, []) if too_many else await look.rows(one, limit)
        words = {"check": one, "text": WORDS[one].title, "text_en": WORDS[one].title_en}
        found.append({**words, "count": count, "rows": rows})
    return answer({"at": look.now, "devices": devices, "checks": found})


@router.get("/{check}", responses=described(Page[DoubtfulDevice], 409, sheet=True))
async def list_doubtful_devices(
    *,
    here: Here,
    who: Reader,
    check: Annotated[Check, Path()],
    area: AreaFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    sheet: AsSheet,
) -> Response:
    """List the devices that one check found, by code."""
    look = Look(here.database.heavy_for(who), who.scope, area or "", here.clock.now())
    if check is Check.INTERVAL_CONTRADICTS and await look.how_many() > MOST_DEVICES:
        raise Problem(409, "too_many_devices", f"more than {MOST_DEVICES} devices to look at: ask for one `area`")
    place = decode_cursor(cursor, str)
    _, rows = await look.rows(check, limit + 1, place[0] if place else "")
    columns = tuple(DoubtfulDevice.model_fields)
    return sheet.page(rows, limit, [(row["code"],) for row in rows], name=check, columns=columns)


class Look:
    """One look at the devices of an area, by one caller."""

    def __init__(self, reads: Reads, scope: Scope, area: str, now: datetime) -> None:
        self.now = now
        self._reads, self._mine = reads, {"area": area, **scope.parameters()}

    async def how_many(self) -> int:
        """Return how many devices there are."""
        (row,) = await self._reads.rows(SQL["how_many"], **self._mine)
        return int(row["devices"])

    async def rows(self, check: Check, most: int, after: str = "") -> tuple[int, list[dict[str, Any]]]:
        """Return how many devices a check found, and the first ones after a code."""
        rows = await self._reads.rows(
            SQL["page"].replace("{check}", SQL[check]), after=after, most=most, **self._mine, **self._numbers(check)
        )
        return rows[0]["total"], [_document(check, row) for row in rows if row["code"] is not None]

    def _numbers(self, check: Check) -> dict[str, object]:
        match check:
            case Check.OUTSIDE_AREA:
                return {"far_km": FAR_KM}
            case Check.NEVER_HEARD:
                return {"now": self.now}
            case Check.STALE_INSPECTION:
                return {"now": self.now, "usual_d": threshold("inspection_d")}
            case Check.INTERVAL_CONTRADICTS:
                span = {"now": self.now, "since": self.now - LOOK_BACK}
                return {**span, "rows": NEWEST_ROWS, "least_gaps": LEAST_GAPS, "factor": INTERVAL_FACTOR}
        return {}


def _document(check: Check, row: Row) -> dict[str, Any]:
    shown = {name: row[name] for name in DoubtfulDevice.model_fields if name in row}
    note, words = row["note"], WORDS[check]
    return {**shown, "text": words.row.format(**note), "text_en": words.row_en.format(**note)}
