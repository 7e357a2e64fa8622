"""Areas: GB/T 2260 codes with names and places."""

from typing import Annotated, Any, ClassVar

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.registry.models import GivenLocation, Location
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader, Watcher
from services.api.request.database import Inside, Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import AreaCode, Line
from services.api.request.known_fields import KnownFields
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.state import Here
from services.api.request.writing import AdministratorWriter, Write
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["areas"])
_area = tables.area.c


class Area(BaseModel):
    """An administrative area."""

    code: str
    name: str
    parent: str | None
    location: Location | None
    position_approximate: bool


class AreaPut(KnownFields):
    """What a person says of an area."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "东关镇", "parent": "140931"}]})

    answered: ClassVar = frozenset(Area.model_fields)

    name: Annotated[Line, Field(min_length=1)]
    parent: AreaCode | None = None
    location: GivenLocation | None = None


def _document(row: Row) -> dict[str, Any]:
    place = None if row["lon"] is None else {"lon": row["lon"], "lat": row["lat"]}
    return {name: row[name] for name in ("code", "name", "parent", "position_approximate")} | {"location": place}


async def read_area_names(reads: Reads) -> dict[str, str]:
    """Return the name of every area by its code: for the areas of rows that somebody may see."""
    return {row["code"]: row["name"] for row in await reads.rows(sa.select(_area.code, _area.name))}


@router.get("/areas", responses=described(Page[Area]))
async def list_areas(*, here: Here, who: Watcher, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    """List areas by code: those one may see, and the ones above them."""
    seen = who.scope.clause(_area.code)
    above = [_area.code == code[:length] for code in who.scope.areas for length in range(6, len(code))]
    statement = sa.select(tables.area).where(sa.or_(seen, *above)).order_by(_area.code).limit(limit + 1)
    if place := decode_cursor(cursor, str):
        statement = statement.where(_area.code > place[0])
    rows = await here.database.rows(statement)
    return page([_document(row) for row in rows], limit, [(row["code"],) for row in rows])


@router.get("/areas/{code}", responses=described(Area, 404))
async def show_area(code: AreaCode, here: Here, who: Reader) -> Response:
    """Show one area."""
    row = await first(here.database, sa.select(tables.area).where(_area.code == code))
    if row is None or not who.scope.covers(code):
        raise not_found(f"area {code}")
    return answer(_document(row))


@router.put("/areas/{code}", responses=described(Area) | {201: {"model": Area, "description": "Registered"}})
async def put_area(code: AreaCode, body: AreaPut, writer: AdministratorWriter) -> Response:
    """Register or update an area."""

    async def work(write: Write) -> Response:
        if not write.who.scope.covers(code):
            raise Problem(403, "forbidden", f"your account does not cover {code}")
        parent = body.parent
        if parent is not None and (parent == code or not code.startswith(parent)):
            raise invalid("parent", "must be a code that this one begins with")
        if parent is not None and not await write.connection.fetchval(SQL["is_known"], parent):
            raise invalid("parent", f"there is no area {parent}")
        lon, lat = body.location.wgs84() if body.location else (None, None)
        fresh = await write.connection.fetchval(
            SQL["set_area"],
            code,
            body.name,
            parent,
            lon,
            lat,
        )
        await write.record("area.put", code, **body.model_dump())
        row = await first(Inside(write.connection), sa.select(tables.area).where(_area.code == code))
        if row is None:
            raise not_found(f"area {code}")
        return answer(_document(row), 201 if fresh else 200)

    return await writer.perform(work)


@router.delete("/areas/{code}", status_code=204, responses=described(None, 404, 409, status=204))
async def remove_area(code: AreaCode, writer: AdministratorWriter) -> Response:
    """Remove an area that nothing uses: of a preset that is another county's, or of a code that was mistyped."""

    async def work(write: Write) -> Response:
        name = await write.connection.fetchval(SQL["lock_area"], code)
        if name is None or not write.who.scope.covers(code):
            raise not_found(f"area {code}")
        uses = {row["what"]: row["n"] for row in await write.connection.fetch(SQL["uses_of_area"], code)}
        if uses:
            raise _in_use(name, code, uses)
        await write.connection.execute(SQL["remove_area"], code)
        await write.record("area.remove", code, name=name)
        return Response(status_code=204)

    return await writer.perform(work)


_USES = {
    "devices": ("台设备", "devices"), "sites": ("个单位", "sites"), "areas": ("个下级区域", "areas below it"),
    "grids": ("个网格", "grids"), "alarms": ("条告警", "alarms"),
    "users": ("个用户", "users"), "keys": ("个密钥", "keys"), "contacts": ("个呼叫联系人", "people on call"),
    "subscriptions": ("个订阅", "subscriptions"), "townships": ("个乡镇系统", "townships"),
    "rules": ("条规则修改", "changes of rules"),
}  # fmt: skip
_COUNTED = 1000  # of alarms: more are not counted


def _in_use(name: str, code: str, uses: dict[str, int]) -> Problem:
    """Return the refusal that says what uses an area, in both languages."""
    many = {what: f"{n}+" if n >= _COUNTED else str(n) for what, n in uses.items()}
    english = ", ".join(f"{_USES[what][1]}: {many[what]}" for what in uses)
    chinese = "、".join(f"{many[what]} {_USES[what][0]}" for what in uses)
    return Problem(
        409,
        "in_use",
        f"{name} ({code}) is used ({english}): move or remove these first",
        detail_zh=f"{name}（{code}）仍在使用：{chinese}。请先移走或删除它们",
        uses=uses,
    )


async def take_area(write: Write, code: str) -> None:
    """Let a device or site stand in area `code`; one that nobody registered yet gets its code as its name.

    Ingest does the same for a code that a device uses: a topic or a ledger may come before the list of areas.

    Raises:
        Problem: 403, the account does not cover it.
    """
    if not write.who.scope.covers(code):
        raise Problem(403, "forbidden", f"area: your account does not cover {code}")
    await write.connection.execute(
        SQL["discover_area"],
        code,
    )
