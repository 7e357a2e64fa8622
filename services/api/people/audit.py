"""The audit: who changed what, people and machines alike."""

from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from services.api.request import tables
from services.api.request.auth import Administrator, require_county
from services.api.request.described import described
from services.api.request.fields import From, To, check_span
from services.api.request.paging import Cursor, Limit, Page, decode_cursor
from services.api.request.problems import invalid
from services.api.request.sheets import AsSheet
from services.api.request.state import Here

router = APIRouter(prefix="/api/v1", tags=["audit"])
_audit = tables.audit.c


class AuditRow(BaseModel):
    """One change."""

    id: int
    at: str
    actor: str
    action: str
    target: str
    detail: Any


@router.get("/audit", responses=described(Page[AuditRow], sheet=True))
async def list_audit(
    *,
    here: Here,
    who: Administrator,
    actor: Annotated[str | None, Query(max_length=200)] = None,
    action: Annotated[str | None, Query(max_length=100)] = None,
    target: Annotated[str | None, Query(max_length=200)] = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    sheet: AsSheet,
) -> Response:
    """List changes, newest first. For administrators of the whole county: a row names no area."""
    require_county(who)
    check_span(begin, end)
    statement = sa.select(tables.audit)
    for name, value in (("actor", actor), ("action", action), ("target", target)):
        if value is not None:
            if "\x00" in value:
                raise invalid(name, "must not contain the character NUL")
            statement = statement.where(_audit[name] == value)
    if begin is not None:
        statement = statement.where(_audit.at >= begin)
    if end is not None:
        statement = statement.where(_audit.at < end)
    if place := decode_cursor(cursor, datetime, int):
        key = sa.tuple_(sa.literal(place[0], sa.DateTime(timezone=True)), sa.literal(place[1], sa.BigInteger()))
        statement = statement.where(sa.tuple_(_audit.at, _audit.id) < key)
    rows = await here.database.heavy_for(who).rows(
        statement.order_by(_audit.at.desc(), _audit.id.desc()).limit(limit + 1)
    )
    keys = [(row["at"], row["id"]) for row in rows]
    return sheet.page([dict(row) for row in rows], limit, keys, name="audit", columns=tuple(AuditRow.model_fields))
