"""`POST /api/v1/inspections`: stores what somebody found, and proposes a hazard for each item that failed.

Promises that what a phone sends again, because no answer reached it, is stored once, and its hazards are proposed once.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from services.api.prevention.inspections.models import Answer, Inspection, InspectionPost
from services.api.prevention.inspections.photos import BadPhoto, PhotoTooLarge, read_photo
from services.api.prevention.inspections.reading import inspection_document, select_inspections
from services.api.prevention.steps import by_of
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.database import Inside, first
from services.api.request.described import described
from services.api.request.form_route import FormAsJson
from services.api.request.forms import FORM
from services.api.request.problems import Problem, invalid
from services.api.request.writing import Operator, Write
from services.core.prevention import ledger
from services.core.prevention.catalogue import KINDS
from services.core.prevention.checklists import CHECKLISTS, SITE, Checklist, Item
from services.core.prevention.hazard import Source
from services.core.statements import load_queries

router = APIRouter(prefix="/api/v1", tags=["inspections"], route_class=FormAsJson)
SQL = load_queries(__file__)
LATEST: Final = timedelta(days=30)
"""A phone without a network keeps an inspection for some days at most."""
AHEAD: Final = timedelta(minutes=5)  # of a phone's clock
_inspection = tables.inspection.c


_FORM: Final = {
    "requestBody": {
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "description": "the same as JSON: `answers` is JSON, `photo` a file",
                    "properties": {
                        **{name: {"type": "string"} for name in ("device", "site", "answers", "note", "request_id")},
                        "inspected_at": {"type": "string"},
                        "photo": {"type": "string", "format": "binary"},
                    },
                }
            }
        }
    }
}


class _Place(NamedTuple):
    device_id: int | None
    site_id: int | None
    checklist: Checklist

    @property
    def cause(self) -> str:
        return f"device:{self.device_id}" if self.site_id is None else f"site:{self.site_id}"


@router.post(
    "/inspections",
    status_code=201,
    responses=described(Inspection, 409, 413, status=201) | {200: {"model": Inspection}},
    openapi_extra=_FORM,
)
async def add_inspection(body: InspectionPost, writer: Operator) -> Response:
    """Store an inspection. One that was stored before, by its `request_id`, is answered again with 200."""
    photo = None if body.photo is None else await _read(body.photo)
    digest = await asyncio.to_thread(_digest, body)
    request_id = body.request_id or uuid4()

    async def work(write: Write) -> Response:
        await write.connection.execute(SQL["take_turn"], str(request_id))
        place = await _place(write, body)
        stored = await write.connection.fetchrow(SQL["stored"], request_id)
        if stored is not None:
            if bytes(stored["digest"]) != digest or stored["inspected_by"] != write.who.actor:
                raise Problem(409, "conflict", "request_id: another inspection has this one; make a new one")
            return await _shown(write, stored["id"], 200)
        _check_answers(body.answers, place.checklist)
        at = _moment(body.inspected_at, write.now)
        failed = [one for one in body.answers if one.ok is False]
        hazards = [await _propose(write, place, one) for one in failed]
        inspection_id = await write.connection.fetchval(
            SQL["add"], request_id, digest, place.device_id, place.site_id, place.checklist.name, at, write.now,
            write.who.actor, [one.model_dump() for one in body.answers], len(failed), body.note, hazards,
            None if photo is None else photo[0],
        )  # fmt: skip
        if photo is not None:
            await write.connection.execute(SQL["add_photo"], inspection_id, photo[1])
        said = {"device": body.device, "site": body.site, "failed": [one.item for one in failed], "hazards": hazards}
        await write.record("inspection.add", f"inspection:{inspection_id}", **said)
        return await _shown(write, inspection_id, 201)

    return await writer.perform(work)


async def _read(text: str) -> tuple[str, bytes]:
    try:
        return await asyncio.to_thread(read_photo, text)
    except PhotoTooLarge as error:
        raise invalid("photo", str(error), status=413) from None
    except BadPhoto as error:
        raise invalid("photo", str(error)) from None


def _digest(body: InspectionPost) -> bytes:
    return hashlib.sha256(orjson.dumps(body.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)).digest()


async def _place(write: Write, body: InspectionPost) -> _Place:
    """Return what was inspected.

    Raises:
        Problem: 422, there is no such device or site where the caller may look.
    """
    name = "site" if body.device is None else "device"
    sent: int | str | None = body.site if body.device is None else body.device
    row = await write.connection.fetchrow(SQL[name], sent)
    if row is None or not write.who.scope.covers(row["area"]):
        raise invalid(name, f"there is no {name} {sent}")
    if name == "site":
        return _Place(None, row["id"], CHECKLISTS[SITE])
    return _Place(row["id"], None, CHECKLISTS[row["kind"]])


def _check_answers(answers: Sequence[Answer], checklist: Checklist) -> None:
    seen: set[str] = set()
    for number, one in enumerate(answers):
        if checklist.item(one.item) is None:
            known = ", ".join(item.code for item in checklist.items)
            raise invalid(f"answers.{number}.item", f"is not in the checklist {checklist.name}: {known}")
        if one.item in seen:
            raise invalid(f"answers.{number}.item", f"{one.item} is answered twice")
        seen.add(one.item)


def _moment(sent: datetime | None, now: datetime) -> datetime:
    if sent is None:
        return now
    if sent > now + AHEAD:
        raise invalid("inspected_at", "must not lie in the future")
    if sent < now - LATEST:
        raise invalid("inspected_at", f"must be at most {LATEST.days} days ago")
    return min(sent, now)


async def _propose(write: Write, place: _Place, one: Answer) -> int:
    """Return the hazard of a failed item: a new one, or the one that is open of the same cause."""
    item = place.checklist.item(one.item)
    if item is None:
        raise RuntimeError("an answer was not checked")
    cause = f"inspection:{place.cause}:{item.code}"
    new = ledger.New(
        place.device_id, place.site_id, item.hazard, KINDS[item.hazard].grade, Source.INSPECTION,
        description=_said(item, one.note), description_en=f"inspection: not so: {item.en}", cause=cause,
    )  # fmt: skip
    while True:
        made = await ledger.add(write.connection, await by_of(write), new)
        made = await write.connection.fetchval(SQL["open_hazard"], cause) if made is None else made
        if made is not None:  # else it was verified between the two questions
            return int(made)


def _said(item: Item, note: str) -> str:
    plain = f"巡查不合格：{item.zh}"
    return f"{plain}（{note}）" if note else plain


async def _shown(write: Write, inspection_id: int, status: int) -> Response:
    statement = select_inspections(write.who.scope).where(_inspection.id == inspection_id)
    row = await first(Inside(write.connection), statement)
    if row is None:
        raise RuntimeError("an inspection is not seen by who made it")
    headers: dict[str, Any] | None = {"Location": f"/api/v1/inspections/{inspection_id}"} if status == 201 else None
    return answer(inspection_document(row), status, headers=headers)
