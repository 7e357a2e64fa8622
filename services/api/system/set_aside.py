"""What a program could not finish for a reason of its own: listed with the real error, tried again or given up."""

from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Inside, Reads, first
from services.api.request.described import described
from services.api.request.fields import BIGINT
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, not_found
from services.api.request.roles import Who
from services.api.request.state import Here
from services.api.request.writing import Operator, Write
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["set-aside"])
AsideId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]
_aside = tables.set_aside.c
_TELL = SQL["tell_programs"]


class SetAside(BaseModel):
    """A unit of work that failed; the next ones went on."""

    id: int
    program: str = Field(examples=["alerts"])
    kind: str = Field(examples=["event"])
    name: str = Field(examples=["PANEL-0001 e-17"])
    area: str | None
    fire: bool = Field(description="a fire may hide in it: look at it first")
    error: str
    detail: dict[str, Any]
    first_at: str
    last_at: str
    failures: int
    retry_requested_at: str | None
    retry_requested_by: str | None
    done_at: str | None
    result: str | None = Field(description="done: it went through; dropped: a person gave it up")


def _select(who: Who) -> "sa.Select[Any]":
    return sa.select(tables.set_aside).where(who.scope.clause(_aside.area))


@router.get("/set-aside", responses=described(Page[SetAside]))
async def list_set_aside(
    *,
    here: Here,
    who: Reader,
    state: Literal["open", "done", "all"] = "open",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List what was set aside: what may be a fire first, then the newest."""
    statement = _select(who)
    if state != "all":
        statement = statement.where(_aside.done_at.is_(None) == (state == "open"))
    if place := decode_cursor(cursor, bool, datetime, int):
        fire, at, number = place
        key = sa.tuple_(
            sa.literal(fire), sa.literal(at, sa.DateTime(timezone=True)), sa.literal(number, sa.BigInteger())
        )
        statement = statement.where(sa.tuple_(_aside.fire, _aside.last_at, _aside.id) < key)
    ordered = statement.order_by(_aside.fire.desc(), _aside.last_at.desc(), _aside.id.desc())
    rows = await here.database.rows(ordered.limit(limit + 1))
    keys = [(row["fire"], row["last_at"], row["id"]) for row in rows]
    return page([dict(row) for row in rows], limit, keys)


async def _find(reads: Reads, who: Who, aside_id: int) -> dict[str, Any]:
    row = await first(reads, _select(who).where(_aside.id == aside_id))
    if row is None:
        raise not_found(f"set-aside {aside_id}")
    return dict(row)


async def _find_open(write: Write, aside_id: int) -> None:
    row = await _find(Inside(write.connection), write.who, aside_id)
    if row["done_at"] is not None:
        raise Problem(409, "not_open", f"it is over: {row['result']}")


@router.post("/set-aside/{id}/retry", status_code=202, responses=described(SetAside, 404, 409, status=202))  # noqa: FAST003 - aliased
async def retry_set_aside(aside_id: AsideId, writer: Operator) -> Response:
    """Have its program try it again; it stays listed until it goes through."""

    async def work(write: Write) -> Response:
        await _find_open(write, aside_id)
        await write.connection.execute(
            SQL["ask_again"],
            aside_id,
            write.now,
            write.who.actor,
        )
        await write.connection.execute(_TELL)
        await write.record("set_aside.retry", f"set_aside:{aside_id}")
        return answer(await _find(Inside(write.connection), write.who, aside_id), 202)

    return await writer.perform(work)


@router.post("/set-aside/{id}/drop", responses=described(SetAside, 404, 409))  # noqa: FAST003 - aliased
async def drop_set_aside(aside_id: AsideId, writer: Operator) -> Response:
    """Give it up: a person has looked at it and nothing is missing."""

    async def work(write: Write) -> Response:
        await _find_open(write, aside_id)
        await write.connection.execute(SQL["drop"], aside_id, write.now)
        await write.connection.execute(_TELL)
        await write.record("set_aside.drop", f"set_aside:{aside_id}")
        return answer(await _find(Inside(write.connection), write.who, aside_id))

    return await writer.perform(work)
