"""The hand-over of a shift: everything that is open, put aside, or not delivered, on one page."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.alarms.documents import by_urgency, most_urgent, read_documents, select_alarms
from services.api.alarms.models import Alarm
from services.api.alarms.notices import Notice, select_notices
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.described import described
from services.api.request.state import Here
from services.api.system.system import read_drill, read_windows
from services.core.clock import rfc3339
from services.core.statements import load_queries

router = APIRouter(prefix="/api/v1", tags=["system"])
QUERIES = load_queries(__file__)
_SHIFT = timedelta(hours=12)
_MOST = 1000
_alarm, _notice = tables.alarm.c, tables.notice.c


class Handover(BaseModel):
    """What the next shift must know."""

    now: str
    open: list[Alarm] = Field(description="fires first, then the worst, then the oldest")
    open_total: int = Field(description="how many are open, also when they are too many to be listed")
    shelved: list[Alarm]
    out_of_service: list[dict[str, Any]]
    test_windows: list[dict[str, Any]]
    drill_until: str | None
    notices: list[Notice]
    notes: list[dict[str, Any]]
    false_alarms: list[dict[str, Any]]


@router.get("/handover", responses=described(Handover))
async def show_handover(here: Here, who: Reader) -> Response:
    """Show everything that is open: for the hand-over of a shift."""
    reads, now, parameters = here.database, here.clock.now(), who.scope.parameters()
    statement = select_alarms(who.scope).where(_alarm.state != "closed", who.scope.clause(_alarm.area))
    aside = sa.func.coalesce(_alarm.shelved_until > now, sa.false())
    alarms = await read_documents(reads, most_urgent(statement.where(sa.not_(aside)), _MOST))
    shelved = await read_documents(reads, most_urgent(statement.where(aside), _MOST))
    counted = statement.where(sa.not_(aside)).with_only_columns(sa.func.count().label("open"))
    undelivered = select_notices(who).where(_notice.state.in_(("waiting", "held", "dead")))
    notices = await reads.rows(undelivered.order_by(_notice.fire.desc(), _notice.created_at.desc()).limit(500))
    notes = await reads.rows(QUERIES["notes"], since=now - _SHIFT, county=who.scope.county, **parameters)
    false_alarms = [
        {"site": {"id": row["id"], "name": row["name"]}, "area": row["area"]}
        | {name: row[name] for name in ("count_30d", "count_24h", "alarms_30d")}
        for row in await reads.rows(QUERIES["false_alarms"], **parameters)
    ]
    return answer(
        {
            "now": rfc3339(now),
            "open": by_urgency(alarms),
            "open_total": (await reads.rows(counted))[0]["open"],
            "shelved": by_urgency(shelved),
            "out_of_service": [dict(row) for row in await reads.rows(QUERIES["out_of_service"], **parameters)],
            "test_windows": await read_windows(reads, who.scope),
            "drill_until": await read_drill(reads),
            "notices": [dict(row) for row in notices],
            "notes": [dict(row) for row in notes],
            "false_alarms": false_alarms,
        }
    )
