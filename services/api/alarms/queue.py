"""Alarms: the queue, and one with its time line, evidence, notices and the water near it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path
from starlette.responses import Response

from services.api.alarms.documents import OPEN_FIRE, document, read_documents, select_alarms
from services.api.alarms.filters import COLUMNS, AlarmFilter
from services.api.alarms.models import Alarm, AlarmDetail
from services.api.alarms.notices import NOTICE_COLUMNS
from services.api.alarms.urgent import Place, urgent_first
from services.api.map.water import near
from services.api.measured.slices import newest_first
from services.api.registry.sites import select_sites, site_document
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader, Watcher
from services.api.request.database import Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import BIGINT
from services.api.request.paging import Cursor, Limit, Page
from services.api.request.problems import not_found
from services.api.request.scope import Scope
from services.api.request.sheets import AsSheet
from services.api.request.state import Here
from services.core.clock import rfc3339
from services.core.words import State

router = APIRouter(prefix="/api/v1", tags=["alarms"])
_alarm = tables.alarm.c
_EVIDENCE_BEFORE = timedelta(minutes=5)  # contract 6: evidence counts for a fire for 5 min
_EVIDENCE_SLICE = timedelta(days=7)
_EVIDENCE_TYPES = (
    "prealarm", "started", "feedback", "supervisory", "delay", "silence", "test", "guard_reply", "operation", "reset",
)  # fmt: skip
_LINES = 500
_NEAR = 5


@router.get("/alarms", responses=described(Page[Alarm], sheet=True))
async def list_alarms(
    *, here: Here, who: Watcher, wanted: AlarmFilter, limit: Limit = 100, cursor: Cursor = None, sheet: AsSheet
) -> Response:
    """List alarms: open fires before all else, then the others, both newest first."""
    items, places = await fires_first(here.database, wanted.statement(who.scope), limit, cursor)
    return sheet.page(items, limit, places, name="alarms", columns=COLUMNS)


async def fires_first(
    reads: Reads, statement: "sa.Select[Any]", limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], Sequence[Place]]:
    """Return up to `limit` + 1 alarms and their places: open fires, then the others, by opening time."""
    order = (_alarm.opened_at, _alarm.id)
    rows, places = await urgent_first(reads, statement, OPEN_FIRE, order, kind=int, limit=limit, cursor=cursor)
    return [document(row) for row in rows], places


@router.get("/alarms/{id}", responses=described(AlarmDetail, 404, etag=True))
async def show_alarm(alarm_id: Annotated[int, Path(alias="id", ge=1, le=BIGINT)], here: Here, who: Reader) -> Response:
    """Show one alarm with its time line, evidence, site, notices, siblings and the nearest water."""
    reads = here.database
    row = await first(reads, select_alarms(who.scope).where(_alarm.id == alarm_id))
    if row is None or not who.scope.covers(row["area"]):
        raise not_found(f"alarm {alarm_id}")
    shown = document(row)
    lines = await _timeline(reads, alarm_id)
    shown["timeline"] = lines
    shown["evidence"] = await find_evidence(reads, who.scope, row, lines, here.clock.now())
    shown["early_warning"] = await _early_warning(reads, who.scope, alarm_id)
    site = await first(
        reads, select_sites().where(tables.site.c.id == row["site_id"], who.scope.clause(tables.site.c.area))
    )
    shown["site"] = None if site is None else site_document(site)
    notices = sa.select(*NOTICE_COLUMNS).where(tables.notice.c.alarm_id == alarm_id)
    newest = notices.order_by(tables.notice.c.fire.desc(), tables.notice.c.created_at.desc()).limit(_LINES)
    told = sorted(await reads.rows(newest), key=lambda one: one["created_at"])
    shown["notices"] = [dict(one) for one in told]
    shown["siblings"] = []
    if row["incident_id"] is not None:
        siblings = select_alarms(who.scope).where(
            _alarm.incident_id == row["incident_id"],
            _alarm.id != alarm_id,
            _alarm.state != State.CLOSED,
            who.scope.clause(_alarm.area),
        )
        siblings = siblings.order_by(OPEN_FIRE.desc(), _alarm.opened_at.desc()).limit(_LINES)
        shown["siblings"] = await read_documents(reads, siblings)
    around = (  # one more: a hydrant in alarm is not its own nearest water
        []
        if row["lon"] is None
        else await near(reads, who, lon=row["lon"], lat=row["lat"], limit=_NEAR + 1, now=here.clock.now())
    )
    shown["nearest_water"] = [source for source in around if source["code"] != row["device"]][:_NEAR]
    return answer(shown, version=row["version"])


async def _timeline(reads: Reads, alarm_id: int) -> list[dict[str, Any]]:
    line = tables.alarm_transition.c
    rows = await reads.rows(
        sa.select(line.at, line.actor, line.act, line.outcome, line.from_state, line.to_state, line.detail)
        .where(line.alarm_id == alarm_id)
        .order_by(line.number.desc())
        .limit(_LINES)
    )
    return [
        dict(row)
        | {"at": rfc3339(row["at"])}
        | ({} if isinstance(row["detail"], dict) else {"detail": {"unreadable": row["detail"]}})
        for row in reversed(rows)
    ]


async def _early_warning(reads: Reads, scope: Scope, alarm_id: int) -> dict[str, Any] | None:
    """Return what a detector saw, the newest where it was told more than once, with the members one may see."""
    early = tables.early_warning.c
    row = await first(
        reads, sa.select(tables.early_warning).where(early.alarm_id == alarm_id).order_by(early.id.desc()).limit(1)
    )
    if row is None:
        return None
    device = tables.device.c
    visible = scope.clause(device.area).label("visible")
    found = await reads.rows(sa.select(device.code, visible).where(device.code.in_(row["members"])))
    known = {one["code"] for one in found if one["visible"]}
    whole = len(known) == len(found)  # where and how deep may be those of a device that one may not see
    return {
        "members": [code for code in row["members"] if code in known],
        "location": {"lon": row["lon"], "lat": row["lat"]} if whole and row["lon"] is not None else None,
        "expected": row["expected"] if whole else None,
        "seen": row["seen"] if whole else None,
        "unit": row["unit"],
        "since": rfc3339(row["began_at"]),
        "until": None if row["ended_at"] is None else rfc3339(row["ended_at"]),
        "sure": row["sure"],
    }


async def find_evidence(
    reads: Reads, scope: Scope, row: Any, lines: list[dict[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """Return what was reported: the alarm's own lines, and what else its site (or device) reported around that time."""
    found = [
        {"at": line["at"], "text": reason[0], "text_en": reason[1]}
        for line in lines
        if isinstance(reason := line["detail"].get("reason"), list) and len(reason) == 2
    ]
    if row["device_id"] is None:
        return found
    event, device = tables.event.c, tables.device.c
    place = device.id == row["device_id"] if row["site_id"] is None else device.site_id == row["site_id"]
    statement = (
        sa.select(event.ts, event.received_at, event.type, event.component, event.description, device.code, device.name)
        .join(tables.device, device.id == event.device_id)
        .where(
            place,
            scope.clause(device.area),
            event.type.in_(_EVIDENCE_TYPES),
        )
        .order_by(event.ts.desc())
    )

    async def ask(begin: datetime, end: datetime, most: int) -> Sequence[Row]:
        return await reads.rows(statement.where(event.ts >= begin, event.ts < end).limit(most))

    begin, closed = row["opened_at"] - _EVIDENCE_BEFORE, row["closed_at"]
    end = None if closed is None else closed + timedelta.resolution
    near = end or now  # an alarm may stand for weeks: what is reported now tells more than how it began
    for one in await newest_first(ask, begin, end, enough=_LINES, width=_EVIDENCE_SLICE, near=near):
        words = [one["name"] or one["code"], one["type"], one["component"], one["description"]]
        found.append({"at": rfc3339(one["received_at"]), "text": " ".join(filter(None, words)), "text_en": None})
    return sorted(found, key=lambda line: str(line["at"]))
