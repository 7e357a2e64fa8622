"""Hazards (隐患): the list, one with its time line, and finding and correcting one."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from services.api.prevention.documents import read_hazard
from services.api.prevention.filters import COLUMNS, HazardFilter
from services.api.prevention.models import Hazard, HazardDetail, HazardPatch, HazardPost
from services.api.prevention.steps import HazardId, by_of, take_step
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Inside
from services.api.request.described import described
from services.api.request.paging import Cursor, Limit, Page, decode_cursor
from services.api.request.problems import invalid
from services.api.request.sheets import AsSheet
from services.api.request.state import Here
from services.api.request.versions import IfMatch
from services.api.request.writing import Operator, Write
from services.core.prevention import hazard as life
from services.core.prevention import ledger
from services.core.prevention.catalogue import KINDS
from services.core.prevention.document import hazard_document
from services.core.prevention.hazard import Act, By
from services.core.statements import load_queries

router = APIRouter(prefix="/api/v1/hazards", tags=["hazards"])
SQL = load_queries(__file__)
_hazard = tables.hazard.c


@router.get("", responses=described(Page[Hazard], sheet=True))
async def list_hazards(
    *, here: Here, who: Reader, wanted: HazardFilter, limit: Limit = 100, cursor: Cursor = None, sheet: AsSheet
) -> Response:
    """List hazards, the newest first."""
    now = here.clock.now()
    statement = wanted.statement(who.scope, now)
    if place := decode_cursor(cursor, int):
        statement = statement.where(_hazard.id < place[0])
    rows = await here.database.rows(statement.order_by(_hazard.id.desc()).limit(limit + 1))
    items, keys = [hazard_document(row, now) for row in rows], [(row["id"],) for row in rows]
    return sheet.page(items, limit, keys, name="hazards", columns=COLUMNS)


@router.get("/{id}", responses=described(HazardDetail, 404, etag=True))  # noqa: FAST003 - aliased in HazardId
async def show_hazard(hazard_id: HazardId, here: Here, who: Reader) -> Response:
    """Show one hazard with its time line."""
    shown = await read_hazard(here.database, who, hazard_id, here.clock.now())
    return answer(shown, version=shown["version"])


@router.post("", status_code=201, responses=described(HazardDetail, status=201, etag=True))
async def find_hazard(body: HazardPost, writer: Operator) -> Response:
    """Register a hazard that somebody found."""

    async def work(write: Write) -> Response:
        device_id, site_id = await _place(write, body)
        new = ledger.New(
            device_id, site_id, body.code, body.grade or KINDS[body.code].grade, body.source, body.component,
            body.owner, body.due, body.description,
        )  # fmt: skip
        hazard_id = await ledger.add(write.connection, await by_of(write), new)
        if hazard_id is None:  # only what the system proposes has a cause
            raise RuntimeError("a hazard without a cause met another one")
        shown = await read_hazard(Inside(write.connection), write.who, hazard_id, write.now)
        return answer(shown, 201, version=shown["version"], headers={"Location": f"/api/v1/hazards/{hazard_id}"})

    return await writer.perform(work)


async def _place(write: Write, body: HazardPost) -> tuple[int | None, int | None]:
    """Return the numbers of device and site.

    Raises:
        Problem: 422, there is no such device or site where the caller may look.
    """
    name = "site" if body.device is None else "device"
    sent = body.site if body.device is None else body.device
    row = await write.connection.fetchrow(SQL["site" if body.device is None else "device"], sent)
    if row is None or not write.who.scope.covers(row["area"]):
        raise invalid(name, f"there is no {name} {sent}")
    return (row["id"], None) if name == "device" else (None, row["id"])


@router.patch("/{id}", responses=described(HazardDetail, 404, 409, 412, etag=True))  # noqa: FAST003 - aliased
async def change_hazard(hazard_id: HazardId, body: HazardPatch, writer: Operator, if_match: IfMatch = None) -> Response:
    """Correct what is said of a hazard that is open."""
    values = _values(body)

    def take(_by: By) -> ledger.Take:
        return lambda hazard: life.change(hazard, values)

    return await take_step(writer, hazard_id, Act.CHANGE, take, if_match=if_match, note=body.note)


def _values(body: HazardPatch) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    for name in body.model_fields_set - {"note"}:
        value = getattr(body, name)
        if value is None and name in {"code", "grade"}:
            raise invalid(name, "cannot be cleared")
        values[name] = "" if value is None and name != "due" else value
    return values
