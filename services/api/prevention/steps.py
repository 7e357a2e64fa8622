"""What people do about a hazard. The ledger decides and stores; this says who may, where, and on which version."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from services.api.prevention.documents import read_hazard
from services.api.prevention.models import AssignBody, CloseBody, HazardDetail, StepBody, SuperviseBody
from services.api.request.answers import answer
from services.api.request.database import Inside
from services.api.request.described import described
from services.api.request.fields import BIGINT
from services.api.request.problems import invalid, not_found
from services.api.request.versions import IfMatch, check_match
from services.api.request.writing import Operator, Write, Writer
from services.core.prevention import hazard as life
from services.core.prevention import ledger
from services.core.prevention.hazard import Act, By, ClosedAs
from services.core.statements import load_queries

router = APIRouter(prefix="/api/v1/hazards/{id}", tags=["hazards"])
SQL = load_queries(__file__)
HazardId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]
_ANSWERS = described(HazardDetail, 404, 409, 412, etag=True)


async def by_of(write: Write) -> By:
    """Return who takes a step. Behind a key that a person made stands that person."""
    who = write.who
    maker = None if who.key is None else await write.connection.fetchval(SQL["who_made_the_key"], who.key)
    person = maker if isinstance(maker, str) and maker.startswith("user:") else who.actor
    return By(who.actor, person, write.now)


async def take_step(
    writer: Writer, hazard_id: int, act: Act, take: Callable[[By], ledger.Take], *, if_match: str | None, note: str
) -> Response:
    """Take a step once the hazard is locked and seen to be theirs and the one that they read; answer what it became."""

    async def work(write: Write) -> Response:
        def check(area: str, version: int) -> None:
            if not write.who.scope.covers(area):
                raise not_found(f"hazard {hazard_id}")
            check_match(if_match, version)

        by = await by_of(write)
        await ledger.step(write.connection, hazard_id, by, act, take(by), check=check, note=note)
        shown = await read_hazard(Inside(write.connection), write.who, hazard_id, write.now)
        return answer(shown, version=shown["version"])

    return await writer.perform(work)


@router.post("/assign", responses=_ANSWERS)
async def assign_hazard(
    hazard_id: HazardId, writer: Operator, body: AssignBody | None = None, if_match: IfMatch = None
) -> Response:
    """Name who has to rectify it and until when; done again, it is given to somebody else."""
    sent = body or AssignBody()

    def take(by: By) -> ledger.Take:
        return lambda hazard: life.assign(hazard, by, sent.owner, sent.due)

    return await take_step(writer, hazard_id, Act.ASSIGN, take, if_match=if_match, note=sent.note)


@router.post("/rectify", responses=_ANSWERS)
async def rectify_hazard(
    hazard_id: HazardId, writer: Operator, body: StepBody | None = None, if_match: IfMatch = None
) -> Response:
    """Say that it is mended. Somebody has still to verify it."""

    def take(by: By) -> ledger.Take:
        return lambda hazard: life.rectify(hazard, by)

    return await take_step(writer, hazard_id, Act.RECTIFY, take, if_match=if_match, note=body.note if body else "")


@router.post("/verify", responses=_ANSWERS)
async def verify_hazard(
    hazard_id: HazardId, writer: Operator, body: StepBody | None = None, if_match: IfMatch = None
) -> Response:
    """Say that it was seen to be mended: it is closed. Under supervision another person has to say so."""

    def take(by: By) -> ledger.Take:
        return lambda hazard: life.verify(hazard, by)

    return await take_step(writer, hazard_id, Act.VERIFY, take, if_match=if_match, note=body.note if body else "")


@router.post("/reopen", responses=_ANSWERS)
async def reopen_hazard(
    hazard_id: HazardId, writer: Operator, body: StepBody | None = None, if_match: IfMatch = None
) -> Response:
    """Say that it was not mended after all, or came back. Its owner keeps it."""

    def take(by: By) -> ledger.Take:
        return lambda hazard: life.reopen(hazard, by)

    return await take_step(writer, hazard_id, Act.REOPEN, take, if_match=if_match, note=body.note if body else "")


@router.post("/close", responses=_ANSWERS)
async def close_hazard(
    hazard_id: HazardId, writer: Operator, body: CloseBody | None = None, if_match: IfMatch = None
) -> Response:
    """Close it: one that is rectified, as `verify` does; or, with a note, one that turned out to be none."""
    sent = body or CloseBody()
    unfounded = sent.outcome == ClosedAs.UNFOUNDED
    if unfounded and not sent.note:
        raise invalid("note", "say why")

    def take(by: By) -> ledger.Take:
        return lambda hazard: life.close(hazard, by, unfounded=unfounded)

    return await take_step(writer, hazard_id, Act.CLOSE, take, if_match=if_match, note=sent.note)


@router.post("/supervise", responses=_ANSWERS)
async def supervise_hazard(
    hazard_id: HazardId, writer: Operator, body: SuperviseBody | None = None, if_match: IfMatch = None
) -> Response:
    """Put a major hazard under supervision (挂牌督办) until it is closed."""
    sent = body or SuperviseBody()

    def take(by: By) -> ledger.Take:
        return lambda hazard: life.supervise(hazard, by, sent.authority, sent.due)

    return await take_step(writer, hazard_id, Act.SUPERVISE, take, if_match=if_match, note=sent.note)
