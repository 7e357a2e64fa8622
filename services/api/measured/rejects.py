"""What could not be stored as it came: kept raw with its reason, listed, and decoded again on demand."""

from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.measured.reject_words import reject_in_chinese
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Inside, Reads, first
from services.api.request.described import described
from services.api.request.fields import BIGINT, AreaFilter, DeviceFilter, From, To, check_span
from services.api.request.paging import Cursor, Limit, Page, decode_cursor
from services.api.request.problems import invalid, not_found
from services.api.request.roles import Who
from services.api.request.sheets import AsSheet
from services.api.request.state import Here
from services.api.request.writing import Maintainer, Write
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["rejects"])
RejectId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]
_SHOWN_BYTES = 2048
_BAD_FIELD = "bad_field: "
_reject, _device = tables.reject.c, tables.device.c
# a topic that names no known device still names an area
_area = sa.func.coalesce(_device.area, sa.func.substring(_reject.topic, "^fire/v1/([0-9]{6,12})/"))


class Reject(BaseModel):
    """Something kept raw."""

    id: int
    received_at: str
    topic: str
    device: str | None
    payload: str = Field(description="as text; a list shows the beginning")
    payload_bytes: int
    reason: str = Field(examples=["bad_field: pressure_mpa"])
    field: str | None = Field(examples=["pressure_mpa"])
    detail: str
    detail_zh: str | None = Field(description="the same in Chinese, where there is one")
    element: int | None
    stored: bool = Field(
        description="its element is stored without the bad field, or its message as far as it could be read"
    )
    replay_requested_at: str | None
    replay_requested_by: str | None
    replayed_at: str | None
    replay_result: str | None
    replay_result_zh: str | None


def _select(who: Who, shown_bytes: int) -> "sa.Select[Any]":
    columns = [column for column in tables.reject.c if column.name not in {"payload", "device_id"}]
    return (
        sa.select(
            *columns,
            _device.code.label("device"),
            sa.func.substring(_reject.payload, 1, shown_bytes).label("payload"),
            sa.func.octet_length(_reject.payload).label("payload_bytes"),
        )
        .outerjoin(tables.device, _device.id == _reject.device_id)
        .where(who.scope.clause(_area))
    )


def _document(row: Any) -> dict[str, Any]:
    reason = row["reason"]
    field = reason.removeprefix(_BAD_FIELD) if reason.startswith(_BAD_FIELD) else None
    text = bytes(row["payload"]).decode("utf-8", "replace")
    chinese = {name: row[name] and reject_in_chinese(row[name]) for name in ("detail", "replay_result")}
    return dict(row) | {"payload": text, "field": field} | {f"{name}_zh": said for name, said in chinese.items()}


@router.get("/rejects", responses=described(Page[Reject], sheet=True))
async def list_rejects(
    *,
    here: Here,
    who: Reader,
    device: DeviceFilter = None,
    area: AreaFilter = None,
    reason: Annotated[str | None, Query(max_length=100, description="the beginning of a reason")] = None,
    replayed: bool | None = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    sheet: AsSheet,
) -> Response:
    """List rejects, newest first."""
    check_span(begin, end)
    statement = _select(who, _SHOWN_BYTES)
    if device is not None:
        known = sa.select(_device.id).where(_device.code == device).scalar_subquery()
        statement = statement.where(
            sa.or_(_reject.device_id == known, _reject.topic.contains(f"/{device}/", autoescape=True))
        )
    if area is not None:
        statement = statement.where(_area.startswith(area))
    if reason is not None:
        if "\x00" in reason:
            raise invalid("reason", "must not contain the character NUL")
        statement = statement.where(_reject.reason.startswith(reason, autoescape=True))
    if replayed is not None:
        done = _reject.replayed_at.is_not(None)
        statement = statement.where(done if replayed else sa.not_(done))
    if begin is not None:
        statement = statement.where(_reject.received_at >= begin)
    if end is not None:
        statement = statement.where(_reject.received_at < end)
    if place := decode_cursor(cursor, datetime, int):
        key = sa.tuple_(sa.literal(place[0], sa.DateTime(timezone=True)), sa.literal(place[1], sa.BigInteger()))
        statement = statement.where(sa.tuple_(_reject.received_at, _reject.id) < key)
    ordered = statement.order_by(_reject.received_at.desc(), _reject.id.desc())
    rows = await here.database.heavy_for(who).rows(ordered.limit(limit + 1))
    items, keys = [_document(row) for row in rows], [(row["received_at"], row["id"]) for row in rows]
    return sheet.page(items, limit, keys, name="rejects", columns=tuple(Reject.model_fields))


async def _find(reads: Reads, who: Who, reject_id: int) -> dict[str, Any]:
    row = await first(reads, _select(who, 256 * 1024).where(_reject.id == reject_id))
    if row is None:
        raise not_found(f"reject {reject_id}")
    return _document(row)


@router.get("/rejects/{id}", responses=described(Reject, 404))  # noqa: FAST003 - aliased in RejectId
async def show_reject(reject_id: RejectId, here: Here, who: Reader) -> Response:
    """Show one reject with its whole payload."""
    return answer(await _find(here.database, who, reject_id))


@router.post("/rejects/{id}/replay", status_code=202, responses=described(Reject, 404, status=202))  # noqa: FAST003 - aliased
async def replay_reject(reject_id: RejectId, writer: Maintainer) -> Response:
    """Have ingest decode it again; the result appears in `replay_result`."""

    async def work(write: Write) -> Response:
        inside = Inside(write.connection)
        await _find(inside, write.who, reject_id)
        await write.connection.execute(
            SQL["ask_replay"],
            reject_id,
            write.now,
            write.who.actor,
        )
        await write.record("reject.replay", f"reject:{reject_id}")
        return answer(await _find(inside, write.who, reject_id), 202)

    return await writer.perform(work)
