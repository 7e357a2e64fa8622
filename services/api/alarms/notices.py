"""Notices: what was or will be told to the desk and to contacts, with every attempt; replay and release by people."""

from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.alarms.urgent import urgent_first
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader, Watcher
from services.api.request.database import Inside, Reads, first
from services.api.request.described import described
from services.api.request.fields import BIGINT
from services.api.request.paging import Cursor, Limit, Page
from services.api.request.problems import not_found
from services.api.request.roles import Permission, Who
from services.api.request.sheets import AsSheet
from services.api.request.state import Here
from services.api.request.writing import Actor, Write
from services.core.alarms.ledger import acts
from services.core.masks import MASK
from services.core.statements import load_queries
from services.core.words import CALL_MARK, NoticeState

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["notices"])
# the fields of a webhook's body, all of them ours
CALL_FIELDS = frozenset({"type", "to", "text", "drill", "alarm_id", "code", "severity", "reason", "reason_en"})
DESK = "desk"  # the channel; else contact:<id>
_notice = tables.notice.c
UNTAKEN_FIRE = sa.and_(_notice.fire, _notice.state.in_(("waiting", "held", "dead")))
NOTICE_COLUMNS = tuple(tables.notice.c)


class Attempt(BaseModel):
    """One try to deliver."""

    number: int
    at: str
    duration_ms: float
    status: int | None
    error: str | None = Field(description="the desk's with up to 200 characters of its answer: everybody may know why")
    answer: str | None = Field(
        description="the first kilobyte of the answer; a contact's for administrators, the desk's for all but viewers"
    )


class Notice(BaseModel):
    """A message that must be delivered."""

    id: str
    type: str
    state: NoticeState
    fire: bool
    channel: str
    alarm_id: int
    incident_id: int | None
    created_at: str
    due_at: str
    attempts: int
    delivered_at: str | None
    last_status: int | None
    last_error: str | None
    desk_incident_id: str | None


class NoticeDetail(Notice):
    """A notice with its attempts and its body as sent."""

    tries: list[Attempt]
    body: Any


def select_notices(who: Who) -> "sa.Select[Any]":
    """Return the statement that reads the notices one may see."""
    alarm = tables.alarm
    return sa.select(*NOTICE_COLUMNS).join(alarm, alarm.c.id == _notice.alarm_id).where(who.scope.clause(alarm.c.area))


@router.get("/notices", responses=described(Page[Notice], sheet=True))
async def list_notices(
    *,
    here: Here,
    who: Watcher,
    state: NoticeState | None = None,
    alarm: Annotated[int | None, Query(ge=1, le=BIGINT)] = None,
    fire: bool | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    sheet: AsSheet,
) -> Response:
    """List notices: those of fires that nobody took before all else, then the others, both newest first."""
    statement = select_notices(who)
    if state is not None:
        statement = statement.where(_notice.state == state)
    if alarm is not None:
        statement = statement.where(_notice.alarm_id == alarm)
    if fire is not None:
        statement = statement.where(_notice.fire == fire)
    order = (_notice.created_at, _notice.id)
    rows, places = await urgent_first(
        here.database, statement, UNTAKEN_FIRE, order, kind=UUID, limit=limit, cursor=cursor
    )
    return sheet.page([dict(row) for row in rows], limit, places, name="notices", columns=tuple(Notice.model_fields))


async def _find(reads: Reads, who: Who, notice_id: UUID) -> Any:
    row = await first(reads, select_notices(who).where(_notice.id == notice_id))
    if row is None:
        raise not_found(f"notice {notice_id}")
    return row


def _mask_call(body: Any) -> Any:
    """Return the body of a call as people may read it: our own words; a gateway's template may hold its key."""
    if isinstance(body, dict):
        if body.keys() == CALL_FIELDS:
            return body
        return {name: _mask_call(value) for name, value in body.items()}
    if isinstance(body, list):
        return [_mask_call(value) for value in body]
    return body if isinstance(body, str) and CALL_MARK in body else MASK


@router.get("/notices/{id}", responses=described(NoticeDetail, 404))
async def show_notice(notice_id: Annotated[UUID, Path(alias="id")], here: Here, who: Reader) -> Response:
    """Show one notice with its attempts and the body that is sent."""
    row = await _find(here.database, who, notice_id)
    attempt = tables.notice_attempt.c
    tries = await here.database.rows(
        sa.select(attempt.number, attempt.at, attempt.duration_ms, attempt.status, attempt.error, attempt.answer)
        .where(attempt.notice_id == notice_id)
        .order_by(attempt.number.desc())
        .limit(200)
    )
    body = await first(here.database, SQL["call_of"], id=notice_id)
    needed = Permission.OPERATE if row["channel"] == DESK else Permission.ADMINISTER
    hidden = {} if who.may(needed) else {"answer": None}
    said = await _seen(here.database, who, row["alarm_id"], body and body["body"])
    said = said if row["channel"] == DESK else _mask_call(said)
    shown = dict(row) | {"tries": [dict(one) | hidden for one in reversed(tries)], "body": said}
    return answer(shown)


async def _seen(reads: Reads, who: Who, alarm_id: int, body: Any) -> Any:
    """Return the body without what of it belongs to other areas: the desk was told more than a township may read.

    It was written before the alarm was taken to where it is now, if its device was moved: what it says is judged.
    """
    if who.scope.everywhere or not isinstance(body, dict):
        return body
    device = tables.device.c
    shown = dict(body)
    of_device = shown.get("device")
    if isinstance(of_device, dict) and of_device.get("area") and not who.scope.covers(of_device["area"]):
        shown |= {"device": {name: of_device.get(name) for name in ("code", "kind")}, "site": None, "evidence": []}
    elif not await _sees_site(reads, who, alarm_id, shown.get("site")):
        shown |= {"site": None, "evidence": []}
    if "nearest_water" not in shown:
        return shown
    water = [one for one in shown["nearest_water"] or () if isinstance(one, dict)]
    codes = [str(one.get("code")) for one in water]
    rows = await reads.rows(sa.select(device.code).where(device.code.in_(codes), who.scope.clause(device.area)))
    seen = {row["code"] for row in rows}
    return shown | {"nearest_water": [one for one in water if one.get("code") in seen]}


async def _sees_site(reads: Reads, who: Who, alarm_id: int, told: Any) -> bool:
    """Whether the site of a body may be read: one that is called otherwise since is the alarm's."""
    alarm, site = tables.alarm.c, tables.site.c
    of_alarm = sa.select(site.area).join(tables.alarm, alarm.site_id == site.id).where(alarm.id == alarm_id)
    place = await first(reads, of_alarm)
    if place is not None and not who.scope.covers(place["area"]):
        return False
    if not isinstance(told, dict):
        return True
    named = sa.and_(site.name == str(told.get("name")), site.address == str(told.get("address")))
    areas = [row["area"] for row in await reads.rows(sa.select(site.area).where(named))]
    return any(map(who.scope.covers, areas)) if areas else place is not None


@router.post("/notices/{id}/replay", responses=described(Notice, 404, 409))
async def replay_notice(notice_id: Annotated[UUID, Path(alias="id")], writer: Actor) -> Response:
    """Send a dead or delivered notice again under its id."""

    async def work(write: Write) -> Response:
        await _find(Inside(write.connection), write.who, notice_id)
        await acts.replay_notice(write.connection, notice_id, actor=write.who.actor, now=write.now)
        return answer(dict(await _find(Inside(write.connection), write.who, notice_id)))

    return await writer.perform(work)


@router.post("/notices/{id}/release", responses=described(Notice, 404, 409))
async def release_notice(notice_id: Annotated[UUID, Path(alias="id")], writer: Actor) -> Response:
    """Let a held notice go."""

    async def work(write: Write) -> Response:
        await _find(Inside(write.connection), write.who, notice_id)
        await acts.release_notice(write.connection, notice_id, actor=write.who.actor, now=write.now)
        return answer(dict(await _find(Inside(write.connection), write.who, notice_id)))

    return await writer.perform(work)
