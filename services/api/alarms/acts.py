"""What people do to alarms. The ledger decides and stores; this says who may, where, and on which version."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from services.api.alarms.documents import document, read_names
from services.api.alarms.models import Alarm, CorrectBody, NoteBody, ShelveBody, TextBody, VerifyBody
from services.api.request.answers import answer
from services.api.request.database import Inside
from services.api.request.described import described
from services.api.request.fields import BIGINT
from services.api.request.problems import invalid, not_found
from services.api.request.versions import IfMatch, check_match, require_match
from services.api.request.writing import Actor, Operator, Write, Writer
from services.core.alarms.ledger import acts
from services.core.alarms.life.model import Alarm as LockedAlarm
from services.core.alarms.policies import load_policies

router = APIRouter(prefix="/api/v1/alarms/{id}", tags=["alarms"])
AlarmId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]
_ANSWERS = described(Alarm, 404, 409, 412, etag=True)
_STRICT_ANSWERS = described(Alarm, 404, 409, 412, 428, etag=True)
Deed = Callable[[Write, acts.Check], Awaitable[acts.Acted]]


async def _perform(
    writer: Writer, alarm_id: int, deed: Deed, if_match: str | None, *, required: bool = False
) -> Response:
    """Do it once the alarm is locked and seen to be theirs and the one that they read; answer what it became."""

    async def work(write: Write) -> Response:
        def check(alarm: LockedAlarm) -> None:
            if not write.who.scope.covers(alarm.area):
                raise not_found(f"alarm {alarm_id}")
            if required:
                require_match(if_match)
            check_match(if_match, alarm.version)

        row = (await deed(write, check)).row
        names = await read_names(Inside(write.connection), write.who.scope, row)
        return answer(document(row | dict(names)), version=row["version"])

    return await writer.perform(work)


@router.post("/acknowledge", responses=_ANSWERS)
async def acknowledge_alarm(
    alarm_id: AlarmId, writer: Actor, body: NoteBody | None = None, if_match: IfMatch = None
) -> Response:
    """Say that somebody has seen it. Stops no fire's clock."""

    async def deed(write: Write, check: acts.Check) -> acts.Acted:
        return await acts.acknowledge(
            write.connection, alarm_id, actor=write.who.actor, now=write.now, check=check,
            note=body.note if body else "",
        )  # fmt: skip

    return await _perform(writer, alarm_id, deed, if_match)


@router.post("/verify", responses=_STRICT_ANSWERS)
async def verify_alarm(alarm_id: AlarmId, body: VerifyBody, writer: Actor, if_match: IfMatch = None) -> Response:
    """Judge a fire. `false` and `test` need If-Match: nobody ends a fire that grew worse unseen."""

    async def deed(write: Write, check: acts.Check) -> acts.Acted:
        return await acts.verify(
            write.connection, alarm_id, outcome=body.outcome, note=body.note, actor=write.who.actor, now=write.now,
            check=check,
        )  # fmt: skip

    return await _perform(writer, alarm_id, deed, if_match, required=body.outcome != "real")


@router.post("/correct", responses=_STRICT_ANSWERS)
async def correct_verdict(alarm_id: AlarmId, body: CorrectBody, writer: Actor, if_match: IfMatch = None) -> Response:
    """Say that the verdict on a closed fire was wrong, and why. The first one stays in the time line.

    119 hears of it by `alarm.updated` if it heard of the fire before, or if the fire was a real one after all.
    """

    async def deed(write: Write, check: acts.Check) -> acts.Acted:
        return await acts.correct(
            write.connection, alarm_id, outcome=body.outcome, reason=body.reason, actor=write.who.actor,
            now=write.now, check=check,
        )  # fmt: skip

    return await _perform(writer, alarm_id, deed, if_match, required=True)


@router.post("/clear", responses=_ANSWERS)
async def clear_alarm(
    alarm_id: AlarmId, writer: Actor, body: NoteBody | None = None, if_match: IfMatch = None
) -> Response:
    """Say that the condition is over. An unverified fire cannot be closed."""

    async def deed(write: Write, check: acts.Check) -> acts.Acted:
        return await acts.clear(
            write.connection, alarm_id, actor=write.who.actor, now=write.now, check=check,
            note=body.note if body else "",
        )  # fmt: skip

    return await _perform(writer, alarm_id, deed, if_match)


@router.post("/shelve", responses=_STRICT_ANSWERS)
async def shelve_alarm(alarm_id: AlarmId, body: ShelveBody, writer: Actor, if_match: IfMatch = None) -> Response:
    """Put it aside until a time, with a reason. Never mutes a fire."""

    async def deed(write: Write, check: acts.Check) -> acts.Acted:
        longest_s = (await load_policies(write.connection)).number("notices", "shelve_max_s")

        def check_until(alarm: LockedAlarm) -> None:
            check(alarm)
            if body.until <= write.now:
                raise invalid("until", "must lie in the future")
            if body.until > write.now + timedelta(seconds=longest_s):
                raise invalid("until", f"must be at most {longest_s / 3600:g} h ahead")

        return await acts.shelve(
            write.connection, alarm_id, until=body.until, reason=body.reason, actor=write.who.actor, now=write.now,
            check=check_until,
        )  # fmt: skip

    return await _perform(writer, alarm_id, deed, if_match, required=True)


@router.post("/unshelve", responses=_ANSWERS)
async def unshelve_alarm(alarm_id: AlarmId, writer: Actor, if_match: IfMatch = None) -> Response:
    """Bring it back to the queue."""

    async def deed(write: Write, check: acts.Check) -> acts.Acted:
        return await acts.unshelve(write.connection, alarm_id, actor=write.who.actor, now=write.now, check=check)

    return await _perform(writer, alarm_id, deed, if_match)


@router.post("/notes", responses=_ANSWERS)
async def note_on_alarm(alarm_id: AlarmId, body: TextBody, writer: Operator) -> Response:
    """Add a line to its time line."""

    async def deed(write: Write, check: acts.Check) -> acts.Acted:
        return await acts.add_note(
            write.connection, alarm_id, note=body.text, actor=write.who.actor, now=write.now, check=check
        )

    return await _perform(writer, alarm_id, deed, None)
