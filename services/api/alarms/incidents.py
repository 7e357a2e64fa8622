"""Incidents: alarms with one cause, and their members."""

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path
from pydantic import BaseModel
from starlette.responses import Response

from services.api.alarms.documents import OPEN_FIRE, read_documents, select_alarms
from services.api.alarms.models import Alarm
from services.api.alarms.urgent import urgent_first
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import first
from services.api.request.described import described
from services.api.request.fields import BIGINT, AreaFilter
from services.api.request.paging import Cursor, Limit, Page, page
from services.api.request.problems import not_found
from services.api.request.roles import Who
from services.api.request.state import Here

router = APIRouter(prefix="/api/v1", tags=["incidents"])
_incident, _alarm = tables.incident.c, tables.alarm.c
_OPEN_FIRE = sa.and_(_incident.kind == "fire", _incident.closed_at.is_(None))


class Incident(BaseModel):
    """Alarms with one cause."""

    id: int
    kind: str
    cause: str
    title: str
    title_en: str
    area: str | None
    site_id: int | None
    opened_at: str
    updated_at: str
    closed_at: str | None
    desk_incident_id: str | None
    alarms: int
    open_alarms: int


class IncidentDetail(Incident):
    """An incident with its members."""

    members: list[Alarm]


def _select(who: Who) -> "sa.Select[Any]":
    members = sa.select(sa.func.count()).where(_alarm.incident_id == _incident.id, who.scope.clause(_alarm.area))
    return sa.select(
        tables.incident,
        members.scalar_subquery().label("alarms"),
        members.where(_alarm.state != "closed").scalar_subquery().label("open_alarms"),
    ).where(who.scope.clause(_incident.area))


@router.get("/incidents", responses=described(Page[Incident]))
async def list_incidents(
    *,
    here: Here,
    who: Reader,
    state: Literal["open", "closed"] | None = None,
    area: AreaFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List incidents: open ones of fires before all else, then the others, both newest first."""
    statement = _select(who)
    if state is not None:
        statement = statement.where(_incident.closed_at.is_(None) == (state == "open"))
    if area is not None:
        statement = statement.where(_incident.area.startswith(area))
    order = (_incident.opened_at, _incident.id)
    rows, places = await urgent_first(here.database, statement, _OPEN_FIRE, order, kind=int, limit=limit, cursor=cursor)
    return page([dict(row) for row in rows], limit, places)


@router.get("/incidents/{id}", responses=described(IncidentDetail, 404))
async def show_incident(
    incident_id: Annotated[int, Path(alias="id", ge=1, le=BIGINT)], here: Here, who: Reader
) -> Response:
    """Show one incident with its members: open fires first, then the newest."""
    row = await first(here.database, _select(who).where(_incident.id == incident_id))
    if row is None:
        raise not_found(f"incident {incident_id}")
    members = select_alarms(who.scope).where(_alarm.incident_id == incident_id, who.scope.clause(_alarm.area))
    found = await read_documents(here.database, members.order_by(OPEN_FIRE.desc(), _alarm.opened_at.desc()).limit(1000))
    return answer(dict(row) | {"members": found})
