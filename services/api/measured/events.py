"""Events as the devices sent them, newest first."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from services.api.measured.slices import LATEST, newest_first
from services.api.request import tables
from services.api.request.auth import Reader
from services.api.request.database import Reads, Row
from services.api.request.described import described
from services.api.request.fields import AreaFilter, DeviceFilter, From, To, check_span
from services.api.request.paging import Cursor, Limit, Page, decode_cursor
from services.api.request.problems import invalid
from services.api.request.sheets import AsSheet
from services.api.request.state import Here

router = APIRouter(prefix="/api/v1", tags=["events"])
_event, _device = tables.event.c, tables.device.c
_FIRST_SLICE = timedelta(days=7)


class Event(BaseModel):
    """Something that a device reported."""

    device: str
    kind: str
    area: str
    event_id: str
    ts: str
    device_ts: str | None
    received_at: str
    late: bool
    seq: int | None
    type: str
    active: bool
    component: str
    zone: str
    system_type: int | None
    component_type: int | None
    description: str
    extra: Any


@router.get("/events", responses=described(Page[Event], sheet=True))
async def list_events(
    *,
    here: Here,
    who: Reader,
    device: DeviceFilter = None,
    kind_of_event: Annotated[str | None, Query(alias="type", max_length=100)] = None,
    area: AreaFilter = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    sheet: AsSheet,
) -> Response:
    """List events, newest first."""
    check_span(begin, end)
    columns = [column for column in tables.event.c if column.name != "device_id"]
    statement = (
        sa.select(*columns, _device.code.label("device"), _device.kind, _device.area, _event.device_id)
        .join(tables.device, _device.id == _event.device_id)
        .where(who.scope.clause(_device.area))
        .order_by(_event.ts.desc(), _event.device_id, _event.digest)
    )
    if device is not None:
        statement = statement.where(_device.code == device)
    if kind_of_event is not None:
        if "\x00" in kind_of_event:
            raise invalid("type", "must not contain the character NUL")
        statement = statement.where(_event.type == kind_of_event)
    if area is not None:
        statement = statement.where(_device.area.startswith(area))
    if place := decode_cursor(cursor, datetime, int, bytes):
        at = sa.literal(place[0], sa.DateTime(timezone=True))
        after = sa.tuple_(_event.device_id, _event.digest) > sa.tuple_(
            sa.literal(place[1], sa.BigInteger()), sa.literal(place[2], sa.LargeBinary())
        )
        statement = statement.where(sa.or_(_event.ts < at, after))
        end = min(end or LATEST, place[0] + timedelta.resolution)
    reads, near = here.database.heavy_for(who), end or here.clock.now()
    rows = await find_events(reads, statement, begin, end, enough=limit + 1, near=near)
    items = [{name: row[name] for name in Event.model_fields} for row in rows]
    keys = [(row["ts"], row["device_id"], row["digest"]) for row in rows]
    return sheet.page(items, limit, keys, name="events", columns=tuple(Event.model_fields))


async def find_events(
    reads: Reads,
    statement: sa.Select[Any],
    begin: datetime | None,
    end: datetime | None,
    *,
    enough: int,
    near: datetime,
) -> list[Row]:
    """Return up to `enough` events of a statement, newest first, a slice of time after the other."""

    async def ask(begin: datetime, end: datetime, most: int) -> Sequence[Row]:
        return await reads.rows(statement.where(_event.ts >= begin, _event.ts < end).limit(most))

    return await newest_first(ask, begin, end, enough=enough, width=_FIRST_SLICE, near=near)
