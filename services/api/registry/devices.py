"""The registry with its newest state: list, one device, register or update."""

from datetime import datetime
from typing import Annotated, Any

import asyncpg
import sqlalchemy as sa
from fastapi import APIRouter, Query
from starlette.responses import Response

from services.api.registry.chart_limits import chart_limits
from services.api.registry.documents import read_documents, select_devices, status_of
from services.api.registry.models import Device, DeviceDetail, DevicePut
from services.api.registry.quality import QualityMemory
from services.api.registry.save import save
from services.api.registry.troubles import Order, Trouble, Troubles, condition, kind_of, place_of, sort
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Inside, Reads, first
from services.api.request.described import described
from services.api.request.fields import AreaFilter, DeviceCode, plain
from services.api.request.paging import Cursor, Limit, Page, decode_cursor
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.roles import Who
from services.api.request.sheets import AsSheet
from services.api.request.state import Here
from services.api.request.versions import IfMatch, IfNoneMatch, check_match, check_none
from services.api.request.writing import Maintainer, Write
from services.core.prevention.thresholds import threshold
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.profile import DeviceProfile
from services.core.statements import load_queries
from services.core.topics import Kind
from services.core.words import DeviceStatus

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["devices"])
_device = tables.device.c
_COLUMNS = (
    "code", "kind", "area", "name", "form", "location_lon", "location_lat", "status", "last_seen", "alarm", "site",
    "site_name", "address", "owner", "maintainer", "expected_interval_s",
)  # fmt: skip
_NOT_IN_A_TABLE = frozenset({"id", "quality", "version"})

Search = Annotated[str | None, Query(max_length=100, description="part of code, name, address or owner")]
OfTrouble = Annotated[Trouble | None, Query(description="only devices that have it; `loss`: in the last 24 h")]


def parse_bbox(bbox: str | None) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north.

    Raises:
        Problem: 422, it is not four numbers in that order.
    """
    if bbox is None:
        return None
    try:
        west, south, east, north = (float(part) for part in bbox.split(","))
    except ValueError:
        raise invalid("bbox", "must be west,south,east,north in degrees") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise invalid("bbox", "must be west,south,east,north in degrees, west <= east and south <= north")
    return west, south, east, north


def _search(q: str) -> sa.ColumnElement[bool]:
    columns = (_device.code, _device.name, _device.address, _device.owner)
    return sa.or_(*[column.icontains(plain("q", q.strip()), autoescape=True) for column in columns])


def _has_alarm() -> sa.ColumnElement[bool]:
    alarm = tables.alarm.c
    return sa.exists().where(alarm.device_id == _device.id, alarm.state != "closed")


def _stands_in(grid_id: str, who: Who) -> sa.ColumnElement[bool]:
    """Return the condition that a device stands in a grid that one may see."""
    holder = sa.func.grids_at(_device.lon, _device.lat).column_valued("holder")
    grid = tables.grid.c
    seen = sa.exists().where(grid.id == grid_id, who.scope.clause(grid.area))
    return sa.and_(seen, sa.exists(sa.select(holder).where(holder == grid_id)))


def narrowed(
    statement: "sa.Select[Any]",
    who: Who,
    now: datetime,
    *,
    kind: Kind | None,
    area: str | None,
    status: DeviceStatus | None,
    q: str | None,
    trouble: Trouble | None = None,
) -> "sa.Select[Any]":
    """Return the statement with the filters that the list and the workbook share, inside the areas of `who`."""
    statement = statement.where(who.scope.clause(_device.area))
    if kind is not None:
        statement = statement.where(_device.kind == kind)
    if area is not None:
        statement = statement.where(_device.area.startswith(area))
    if status is not None:
        statement = statement.where(status_of(now) == status)
    if trouble is not None:
        statement = statement.where(condition(trouble, now))
    return statement.where(_search(q)) if q else statement


@router.get("/device-troubles", responses=described(Troubles))
async def count_troubles(
    *,
    here: Here,
    who: Reader,
    kind: Kind | None = None,
    area: AreaFilter = None,
    status: DeviceStatus | None = None,
    q: Search = None,
) -> Response:
    """Count devices by what is wrong with them, under the filters of the list; one may have several troubles."""
    now = here.clock.now()
    columns: list[sa.ColumnElement[Any]] = [sa.func.count().label("total")]
    columns += [sa.func.count().filter(condition(trouble, now)).label(trouble) for trouble in Trouble]
    joined = tables.device.outerjoin(tables.device_state, tables.device_state.c.device_id == _device.id)
    statement = sa.select(*columns).select_from(joined)
    (row,) = await here.database.rows(narrowed(statement, who, now, kind=kind, area=area, status=status, q=q))
    return answer(dict(row))


@router.get("/devices", responses=described(Page[Device], sheet=True))
async def list_devices(
    *,
    here: Here,
    who: Reader,
    kind: Kind | None = None,
    area: AreaFilter = None,
    status: DeviceStatus | None = None,
    bbox: Annotated[str | None, Query(max_length=200, description="west,south,east,north")] = None,
    q: Search = None,
    site: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    grid: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="only what stands in it")] = None,
    alarm: Annotated[bool | None, Query(description="only devices with an open alarm (false: without)")] = None,
    trouble: OfTrouble = None,
    order: Annotated[
        Order, Query(alias="sort", description="a column; `-` turns it round; devices without a value come last")
    ] = Order.CODE,
    limit: Limit = 100,
    cursor: Cursor = None,
    sheet: AsSheet,
) -> Response:
    """List devices, by code where no other order is asked for, with their newest state."""
    now = here.clock.now()
    found = select_devices(now, who.scope)
    statement = narrowed(found, who, now, kind=kind, area=area, status=status, q=q, trouble=trouble)
    if box := parse_bbox(bbox):
        statement = statement.where(_device.lon.between(box[0], box[2]), _device.lat.between(box[1], box[3]))
    if site is not None:
        statement = statement.where(tables.site.c.id == site)  # joined only where it may be seen
    if grid is not None:
        statement = statement.where(_stands_in(grid, who))
    if alarm is not None:
        statement = statement.where(_has_alarm() if alarm else sa.not_(_has_alarm()))
    statement = sort(statement, order, decode_cursor(cursor, kind_of(order), bool, str), now).limit(limit + 1)
    items = await read_documents(here.database, statement, now, here.of(QualityMemory))
    keys = [place_of(item, order) for item in items]
    return sheet.page(items, limit, keys, name="devices", columns=_COLUMNS, leave_out=_NOT_IN_A_TABLE)


async def find_device(reads: Reads, who: Who, code: str, now: datetime) -> dict[str, Any]:
    """Return the document of a device one may see.

    Raises:
        Problem: 404.
    """
    found = await read_documents(reads, select_devices(now, who.scope).where(_device.code == code), now)
    if not found or not who.scope.covers(found[0]["area"]):
        raise not_found(f"device {code}")
    return found[0]


async def find_row(reads: Reads, who: Who, code: str) -> Any:
    """Return the registry row of a device one may see.

    Raises:
        Problem: 404.
    """
    row = await first(reads, sa.select(tables.device).where(_device.code == code))
    if row is None or not who.scope.covers(row["area"]):
        raise not_found(f"device {code}")
    return row


@router.get("/devices/{code}", responses=described(DeviceDetail, 404, etag=True))
async def show_device(code: DeviceCode, here: Here, who: Reader) -> Response:
    """Show one device, with the limits of its rules, the grids it lies in and its last inspection."""
    now = here.clock.now()
    found = await find_device(here.database, who, code, now)
    device = DeviceProfile.of(found)
    numbers = book_of(await here.database.rows(READ_OVERRIDES)).for_device(device, now)
    own, scope = {"id": found["id"]}, who.scope.parameters() | {"county": who.scope.county}
    grids = await here.database.rows(SQL["grids"], **own, **scope)
    (inspection,) = await here.database.rows(SQL["inspection"], **own, usual_d=threshold("inspection_d"))
    more = {
        "rule_limits": chart_limits(device, numbers),
        "grids": [row["id"] for row in grids],
        "inspection": inspection,
    }
    return answer(found | more, version=found["version"])


@router.put("/devices/{code}", responses=described(Device, 404, 409, 412, etag=True) | {201: {"model": Device}})
async def put_device(
    code: DeviceCode, body: DevicePut, writer: Maintainer, if_match: IfMatch = None, if_none_match: IfNoneMatch = None
) -> Response:
    """Register or update a device. Giving area or kind fixes both: the registry wins over what the device says."""

    async def work(write: Write) -> Response:
        row = await write.connection.fetchrow(SQL["lock_device"], code)
        if row is not None:
            if not write.who.scope.covers(row["area"]):
                raise not_found(f"device {code}")
            check_match(if_match, row["version"])
            check_none(if_none_match, row["version"])
        elif if_match is not None:
            raise Problem(412, "version_conflict", f"there is no device {code} yet: leave If-Match out to register it")
        await save(write, code, body, row)
        shown = await find_device(Inside(write.connection), write.who, code, write.now)
        return answer(shown, 200 if row else 201, version=shown["version"])

    try:
        return await writer.perform(work)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "device_code_key":
            raise
        return await writer.perform(work)  # it came into being since we looked: its first message, or another hand
