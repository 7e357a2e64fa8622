"""Acts between a county and its townships: a relay brings up what was said there and asks what was said here.

Only the key that was made with a township may call, and sees its areas (contract 10).
"""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Inside
from services.api.request.described import described
from services.api.request.fields import AreaCode, DeviceCode, Line, Moment, Words
from services.api.request.paging import Limit, Page, page
from services.api.request.state import Here
from services.api.request.writing import Actor, Write
from services.api.system.relay import require_township
from services.core.alarms.ledger.carried import Condition, Told, take_act
from services.core.alarms.life.happenings import ActKind
from services.core.statements import load_queries
from services.core.words import Verification

SQL = load_queries(__file__)
LONGEST = timedelta(days=31)

router = APIRouter(prefix="/api/v1/acts", tags=["townships"])


class CarriedAlarm(BaseModel):
    """Which alarm: its condition, in words that both systems know, and when it opened."""

    device: DeviceCode | None = None
    area: AreaCode | None = Field(default=None, description="of an alarm without a device")
    code: Annotated[str, Field(pattern="^[a-z0-9_]{1,64}$")]
    component: Line = ""
    opened_at: Moment
    reported_at: Moment | None = Field(
        default=None, description="the device's time of the newest report that was known when it was said"
    )


Correction = Annotated[bool, Field(description="of a verdict on an alarm that was closed")]
Earlier = Annotated[
    list[UUID], Field(max_length=20, description="`act_id` of what was said of the same alarm before, newest first")
]


class ActPost(BaseModel):
    """What a person in a township said of an alarm."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "act_id": "0b6f3f0e-6c0a-4d6a-9d3e-3b8a6c2f1a55",
                    "act": "verify",
                    "outcome": "real",
                    "person": "user:li",
                    "at": "2026-11-29T08:00:12Z",
                    "alarm": {
                        "device": "p-0003", "code": "fire", "component": "1-23", "opened_at": "2026-11-29T08:00:01Z",
                    },
                }
            ]
        }
    )  # fmt: skip

    act_id: UUID
    act: Literal["acknowledge", "verify"]
    outcome: Literal["real", "false", "test"] | None = Field(default=None, description="of `verify`")
    person: Annotated[Line, Field(min_length=1)]
    note: Words = ""
    at: Moment
    correction: Correction = False
    earlier: Earlier = []
    alarm: CarriedAlarm

    @model_validator(mode="after")
    def _verdict(self) -> Self:
        if self.act == "verify" and self.outcome is None:
            raise ValueError("to verify names an outcome: real, false or test")
        return self


class ActTaken(BaseModel):
    """What became of it."""

    act_id: str
    result: Literal["applied", "stands", "no_alarm"] = Field(
        description="stands: what was said here before, or what was reported since, counts; no_alarm: none in its areas"
    )
    standing: dict[str, Any] | None = Field(description="state, verdict and who gave it, of the county's alarm")


class ActSaid(BaseModel):
    """What a person said in the county."""

    act_id: str
    act: Literal["acknowledge", "verify"]
    outcome: Literal["real", "false", "test"] | None
    person: str
    note: str
    at: str
    correction: Correction = False
    earlier: Earlier = []
    alarm: CarriedAlarm


@router.post("", responses=described(ActTaken))
async def take_carried_act(body: ActPost, writer: Actor) -> Response:
    """Apply what was said in a township to the county's alarm, once; what the county said first stands."""
    where = body.alarm
    condition = Condition(where.device, where.area, where.code, where.component, where.opened_at, where.reported_at)
    verdict = None if body.outcome is None else Verification(body.outcome)
    told = Told(
        body.act_id, ActKind(body.act), verdict, body.person, body.note, body.at, condition, body.correction,
        tuple(body.earlier),
    )  # fmt: skip

    async def work(write: Write) -> Response:
        township = await require_township(Inside(write.connection), write.who)
        areas = list(write.who.scope.areas)
        taken = await take_act(write.connection, told, township["name"], write.now, areas=areas)
        return answer({"act_id": body.act_id, "result": taken.result, "standing": taken.answer})

    return await writer.perform(work)


@router.get("", responses=described(Page[ActSaid]))
async def list_acts(
    *,
    here: Here,
    who: Reader,
    since: Annotated[Moment | None, Query(description="31 days ago at most; ask again from a little before")] = None,
    limit: Limit = 1000,
) -> Response:
    """List what was said here of alarms in the township's areas, the oldest first."""
    township = await require_township(here.database, who)
    now = here.clock.now()
    first = now - LONGEST
    if since is None or since > now:  # our clock was set back: all of it, and ids tell what is new
        since = first
    rows = await here.database.rows(
        SQL["said"], name=township["name"], since=max(since, first), limit=limit, **who.scope.parameters()
    )
    return page([_said(row) for row in rows], limit, [()] * limit)


def _said(row: Any) -> dict[str, Any]:
    shown = {name: row[name] for name in ("act_id", "outcome", "note", "at", "correction", "earlier")}
    where = {name: row[name] for name in ("device", "code", "component", "opened_at", "reported_at")}
    where["area"] = row["area"] if row["device"] is None else None
    return shown | {"act": row["act"], "person": row["actor"], "alarm": where}
