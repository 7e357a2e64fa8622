"""What one shift tells the next: everything open, put aside or not delivered, and what was closed in the shift."""

from collections.abc import Sequence
from datetime import datetime, timedelta
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
from services.api.request.database import Reads
from services.api.request.described import described
from services.api.request.fields import From, check_span
from services.api.request.roles import Who
from services.api.request.state import Here
from services.api.system.system import read_drill, read_windows
from services.core.clock import rfc3339
from services.core.statements import load_queries

router = APIRouter(prefix="/api/v1", tags=["system"])
QUERIES = load_queries(__file__)
SHIFT = timedelta(hours=12)
LONGEST_SHIFT = timedelta(days=7)
_MOST = 1000
_alarm, _notice = tables.alarm.c, tables.notice.c


class Told(BaseModel):
    """What 119 was told of an alarm last."""

    type: str
    state: str
    at: str


class Judged(BaseModel):
    """Who gave the verdict."""

    by: str
    at: str
    note: str | None


class HandoverAlarm(Alarm):
    """An alarm with what was done about it."""

    dispatch: Told | None
    judged: Judged | None


class Handover(BaseModel):
    """What the next shift must know."""

    now: str
    begun_at: str = Field(description="`from`, or when the last hand-over of the same areas was signed, or 12 h ago")
    open: list[HandoverAlarm] = Field(description="fires first, then the worst, then the oldest")
    open_total: int = Field(description="how many are open, also when they are too many to be listed")
    closed: list[HandoverAlarm] = Field(description="closed since `begun_at`, the newest first")
    closed_total: int
    shelved: list[HandoverAlarm]
    out_of_service: list[dict[str, Any]]
    test_windows: list[dict[str, Any]]
    drill_until: str | None
    notices: list[Notice]
    notes: list[dict[str, Any]]
    false_alarms: list[dict[str, Any]]


@router.get("/handover", responses=described(Handover))
async def show_handover(here: Here, who: Reader, begin: From = None) -> Response:
    """Show everything that is open, and what was closed since `from`: for the hand-over of a shift."""
    now = here.clock.now()
    check_span(begin, now, LONGEST_SHIFT)
    return answer(await read_handover(here.database, who, now, begin))


async def read_handover(reads: Reads, who: Who, now: datetime, begin: datetime | None) -> dict[str, Any]:
    """Return the body of `GET /handover` for what `who` may see; `begin`: when the shift did, None: not said."""
    parameters = who.scope.parameters()
    since = begin or await _last_signed(reads, who, now) or now - SHIFT
    statement = select_alarms(who.scope).where(who.scope.clause(_alarm.area))
    unclosed = statement.where(_alarm.state != "closed")
    aside = sa.func.coalesce(_alarm.shelved_until > now, sa.false())
    ended = statement.where(_alarm.closed_at >= since, _alarm.closed_at <= now)
    alarms = await read_documents(reads, most_urgent(unclosed.where(sa.not_(aside)), _MOST))
    shelved = await read_documents(reads, most_urgent(unclosed.where(aside), _MOST))
    closed = await read_documents(reads, ended.order_by(_alarm.closed_at.desc(), _alarm.id.desc()).limit(_MOST))
    await _tell_deeds(reads, [*alarms, *shelved, *closed])
    undelivered = select_notices(who).where(_notice.state.in_(("waiting", "held", "dead")))
    notices = await reads.rows(undelivered.order_by(_notice.fire.desc(), _notice.created_at.desc()).limit(500))
    notes = await reads.rows(QUERIES["notes"], since=since, county=who.scope.county, **parameters)
    false_alarms = [
        {"site": {"id": row["id"], "name": row["name"]}, "area": row["area"]}
        | {name: row[name] for name in ("count_30d", "count_24h", "alarms_30d")}
        for row in await reads.rows(QUERIES["false_alarms"], **parameters)
    ]
    return {
        "now": rfc3339(now),
        "begun_at": rfc3339(since),
        "open": by_urgency(alarms),
        "open_total": await _count(reads, unclosed.where(sa.not_(aside))),
        "closed": closed,
        "closed_total": await _count(reads, ended),
        "shelved": by_urgency(shelved),
        "out_of_service": [dict(row) for row in await reads.rows(QUERIES["out_of_service"], **parameters)],
        "test_windows": await read_windows(reads, who.scope),
        "drill_until": await read_drill(reads),
        "notices": [dict(row) for row in notices],
        "notes": [dict(row) for row in notes],
        "false_alarms": false_alarms,
    }


async def _count(reads: Reads, statement: "sa.Select[Any]") -> int:
    total: int = (await reads.rows(statement.with_only_columns(sa.func.count().label("total"))))[0]["total"]
    return total


async def _last_signed(reads: Reads, who: Who, now: datetime) -> datetime | None:
    """Return when the last hand-over of the same areas was signed, None: not within the longest shift."""
    areas = sorted(who.scope.areas)
    rows = await reads.rows(QUERIES["last_signed"], same=areas, since=now - LONGEST_SHIFT)
    return rows[0]["to_at"] if rows else None


async def _tell_deeds(reads: Reads, alarms: Sequence[dict[str, Any]]) -> None:
    """Add to each alarm what 119 was told last and who judged it."""
    ids = [alarm["id"] for alarm in alarms]
    told = {row["alarm_id"]: row for row in await reads.rows(QUERIES["dispatch"], ids=ids)}
    judged = {row["alarm_id"]: row for row in await reads.rows(QUERIES["judged"], ids=ids)}
    for alarm in alarms:
        notice, verdict = told.get(alarm["id"]), judged.get(alarm["id"])
        alarm["dispatch"] = notice and {name: notice[name] for name in ("type", "state", "at")}
        alarm["judged"] = verdict and {name: verdict[name] for name in ("by", "at", "note")}
