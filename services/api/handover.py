"""The hand-over of a shift: everything that is open, put aside, or not delivered, on one page."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from services.api import tables
from services.api.alarm_model import Alarm
from services.api.alarm_rows import by_urgency, read_documents, select_alarms
from services.api.answers import answer, described
from services.api.auth import Reader
from services.api.notices import Notice, select_notices
from services.api.slo import scope_parameters
from services.api.state import Here
from services.api.system import QUERIES, read_drill, read_windows
from services.core.alarms.document import rfc3339

router = APIRouter(prefix="/api/v1", tags=["system"])
_SHIFT = timedelta(hours=12)
_MOST = 1000
_alarm, _notice = tables.alarm.c, tables.notice.c


class Handover(BaseModel):
    """What the next shift must know."""

    now: str
    open: list[Alarm]
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
    reads, now, parameters = here.database, here.clock.now(), scope_parameters(who.scope)
    statement = select_alarms().where(_alarm.state != "closed", who.scope.clause(_alarm.area))
    alarms = await read_documents(reads, statement.order_by(_alarm.opened_at.desc()).limit(_MOST))
    shown_now = rfc3339(now) or ""
    shelved = [alarm for alarm in alarms if (alarm["shelved_until"] or "") > shown_now]
    undelivered = select_notices(who).where(_notice.state.in_(("waiting", "held", "dead")))
    notices = await reads.rows(undelivered.order_by(_notice.created_at.desc()).limit(500))
    notes = await reads.rows(QUERIES["notes"], since=now - _SHIFT, county=who.scope.county, **parameters)
    false_alarms = [
        {"site": {"id": row["id"], "name": row["name"]}, "area": row["area"]}
        | {name: row[name] for name in ("count_30d", "count_24h", "alarms_30d")}
        for row in await reads.rows(QUERIES["false_alarms"], **parameters)
    ]
    return answer(
        {
            "now": shown_now,
            "open": by_urgency([alarm for alarm in alarms if alarm not in shelved]),
            "shelved": by_urgency(shelved),
            "out_of_service": [dict(row) for row in await reads.rows(QUERIES["out_of_service"], **parameters)],
            "test_windows": await read_windows(reads, who.scope),
            "drill_until": await read_drill(reads),
            "notices": [dict(row) for row in notices],
            "notes": [dict(row) for row in notes],
            "false_alarms": false_alarms,
        }
    )
