"""Hand-overs that were signed: by the one who goes, and accepted by the one who comes with a sign-in of their own.

Promises that what was signed is kept as it was, that nobody accepts their own, and that one sees only hand-overs that
tell of nothing outside one's own areas.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from starlette.responses import Response

from services.api.alarms.handover import LONGEST_SHIFT, Handover, read_handover
from services.api.people.proof import person_of
from services.api.request.answers import answer, encode
from services.api.request.auth import Reader
from services.api.request.database import Inside, Reads
from services.api.request.described import described
from services.api.request.fields import BIGINT, Line, Moment, Words, check_span
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, not_found
from services.api.request.roles import Permission, Role, Who
from services.api.request.scope import Scope
from services.api.request.state import Here
from services.api.request.writing import Actor, Write
from services.core.statements import load_queries

router = APIRouter(prefix="/api/v1/handovers", tags=["handovers"])
SQL = load_queries(__file__)
HandoverId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]
ShiftName = Annotated[Line, StringConstraints(min_length=1)]


class SignBody(BaseModel):
    """The shift that ends now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"shift": "白班", "from": "2026-11-28T08:00:00+08:00", "remarks": "东街在修管"}]
        }
    )

    shift: ShiftName = Field(description="what the brigade calls it")
    begin: Moment = Field(alias="from", description="when it began")
    remarks: Words = ""


class AcceptBody(BaseModel):
    """Who takes over. Without a name it is the one who asks."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"username": "zhao", "password": "…", "remarks": ""}]})

    username: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    password: Annotated[SecretStr, Field(max_length=200)] = SecretStr("")
    remarks: Words = ""


class SignedHandover(BaseModel):
    """A hand-over that was signed."""

    id: int
    shift: str
    begun_at: str
    ended_at: str
    signed_at: str
    signed_by: str = Field(examples=["user:li"])
    areas: list[str] = Field(description="of the one who signed; `*` is everywhere")
    remarks: str
    open_total: int
    closed_total: int
    accepted_at: str | None = Field(description="null: nobody has taken over yet")
    accepted_by: str | None
    accepted_remarks: str | None


class SignedHandoverDetail(SignedHandover):
    """The same with what was signed."""

    content: Handover


@router.get("", responses=described(Page[SignedHandover]))
async def list_handovers(*, here: Here, who: Reader, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List hand-overs, the newest first."""
    before = decode_cursor(cursor, int)
    rows = await here.database.rows(
        SQL["list"], before=before[0] if before else BIGINT, most=limit + 1, **who.scope.parameters()
    )
    return page([dict(row) for row in rows], limit, [(row["id"],) for row in rows])


@router.get("/{id}", responses=described(SignedHandoverDetail, 404))  # noqa: FAST003 - aliased in HandoverId
async def show_signed_handover(handover_id: HandoverId, here: Here, who: Reader) -> Response:
    """Show one hand-over as it was signed."""
    return answer(await _find(here.database, who, handover_id))


@router.post("", status_code=201, responses=described(SignedHandoverDetail, status=201))
async def sign_handover(body: SignBody, writer: Actor) -> Response:
    """Sign what stands now, for the next officer. What is signed is never changed."""
    if writer.who.person_id is None:
        raise Problem(403, "forbidden", "a key signs nothing: sign in as a person")

    async def work(write: Write) -> Response:
        check_span(body.begin, write.now, LONGEST_SHIFT)
        inside = Inside(write.connection)
        content = await read_handover(inside, write.who, write.now, body.begin)
        made = await write.connection.fetchval(
            SQL["sign"],
            write.now,
            write.who.actor,
            sorted(write.who.scope.areas),
            body.shift,
            body.begin,
            body.remarks,
            content["open_total"],
            content["closed_total"],
            encode(content).decode(),
        )
        await write.record("handover.sign", made, shift=body.shift, since=body.begin)
        return answer(await _find(inside, write.who, made), 201)

    return await writer.perform(work)


@router.post("/{id}/accept", responses=described(SignedHandover, 404, 409, 429))  # noqa: FAST003 - aliased
async def accept_handover(
    handover_id: HandoverId, body: AcceptBody, request: Request, here: Here, writer: Actor
) -> Response:
    """Take over: by another person than the one who signed, with their own password or their own session."""
    address = request.client.host if request.client else ""
    taker = writer.who if body.username is None else await _prove(here, body, body.username, address)
    if taker.person_id is None:
        raise Problem(403, "forbidden", "a key takes nothing over: give a person's name and password")

    async def work(write: Write) -> Response:
        inside = Inside(write.connection)
        signed = await _find(inside, write.who, handover_id)
        if not taker.may(Permission.ACT) or not Scope(tuple(signed["areas"])).within(taker.scope):
            raise Problem(403, "forbidden", f"{taker.name} may not take over: the duty of these areas is not theirs")
        if signed["signed_by"] == taker.actor:
            raise Problem(409, "own_handover", "another person than the one who signed has to accept it")
        done = await write.connection.fetchval(SQL["accept"], handover_id, write.now, taker.actor, body.remarks)
        if done is None:
            raise Problem(409, "already_accepted", f"{signed['accepted_by']} has taken over already")
        await write.record("handover.accept", handover_id, by=taker.actor)
        shown = await _find(inside, write.who, handover_id)
        shown.pop("content")
        return answer(shown)

    return await writer.perform(work)


async def _prove(here: Here, body: AcceptBody, username: str, address: str) -> Who:
    """Return the person whose name and password were given.

    Raises:
        Problem: 403, the password is not theirs (not 401: the one who asks stays signed in); 429, too many tries.
    """
    name = username.strip().lower()
    row = await person_of(here, name, body.password.get_secret_value(), address)
    if row is None:
        raise Problem(403, "wrong_sign_in", "the name or the password of the next officer is wrong")
    return Who(f"user:{name}", name, Role(row["role"]), Scope(tuple(row["areas"])), person_id=row["id"])


async def _find(reads: Reads, who: Who, handover_id: int) -> dict[str, Any]:
    rows = await reads.rows(SQL["find"], id=handover_id, **who.scope.parameters())
    if not rows:
        raise not_found(f"hand-over {handover_id}")
    return dict(rows[0])
