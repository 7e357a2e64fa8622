"""Trials: other numbers of a rule or a detector on stored readings. Asked for here, worked off by alerts."""

from datetime import timedelta
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.policy.rules import RuleCode, check_parameters, check_target
from services.api.registry.models import Number
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Allowed
from services.api.request.database import Inside, Reads
from services.api.request.described import described
from services.api.request.fields import BIGINT, Line, Moment, check_span
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.roles import Permission, Who
from services.api.request.state import Here
from services.api.request.writing import AdministratorWriter, Write
from services.core.rules.catalog import RULES
from services.core.rules.trials import LONGEST, MOST_READINGS, MOST_WAITING, TRIED
from services.core.statements import load_queries

SQL = load_queries(__file__)
router = APIRouter(prefix="/api/v1", tags=["rules"])
Administrator = Annotated[Who, Depends(Allowed(Permission.ADMINISTER))]
_SHOWN = 20
_trial = tables.rule_trial.c


class TrialBody(BaseModel):
    """What to try, on the readings of all devices, of an area or of one device, received between two times."""

    model_config = ConfigDict(
        populate_by_name=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "scope": "area",
                    "target": "140931100",
                    "parameters": {"least_sigmas": 6, "most_sigmas": 8},
                    "from": "2026-11-01T00:00:00+08:00",
                    "to": "2026-11-29T00:00:00+08:00",
                }
            ]
        },
    )

    scope: Literal["all", "area", "device"] = "all"
    target: Line = ""
    parameters: dict[Line, Number] = Field(min_length=1, max_length=20)
    begin: Moment = Field(alias="from")
    to: Moment


class TrialFinding(BaseModel):
    """What a walk raised; `alarm` is the alarm of that time, with what people found."""

    device: str | None
    area: str
    members: int = Field(description="devices, of those that the trial looked at")
    severity: str
    raised_at: str
    cleared_at: str | None
    reason: str
    reason_en: str
    alarm: int | None
    verification: str | None


class TrialCounts(BaseModel):
    """How many findings each list has; the lists name the first 200."""

    both: int
    missed: int
    new: int


class TrialResult(BaseModel):
    """The numbers in force at the time against those that were tried."""

    before: int = Field(description="raised by the numbers in force")
    after: int = Field(description="raised by the numbers that were tried")
    counts: TrialCounts
    real_missed: int = Field(description="of `missed`, found to be real by people")
    real_kept: int = Field(description="of `both`, found to be real by people")
    both: list[TrialFinding]
    missed: list[TrialFinding] = Field(description="raised by the numbers in force only")
    new: list[TrialFinding] = Field(description="raised by the numbers that were tried only")


class Trial(BaseModel):
    """A trial, waiting, running or ended; `progress` is 0 to 1."""

    id: int
    code: str
    scope: Literal["all", "area", "device"]
    target: str
    parameters: dict[str, float]
    since: str
    until: str
    created_by: str
    created_at: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    progress: float
    readings: int = Field(description="walked so far, those that detectors learn from before the period among them")
    ended_at: str | None
    fault: str | None = Field(description="why it failed, and the cure")
    fault_en: str | None
    result: TrialResult | None = None


def _select(who: Who, code: str, *hidden: str) -> sa.Select[Any]:
    columns = [column for column in _trial if column.name not in {"area", *hidden}]
    return sa.select(*columns).where(_trial.code == code, who.scope.clause(_trial.area))


async def _one(reads: Reads, who: Who, code: str, number: int) -> dict[str, Any]:
    for row in await reads.rows(_select(who, code).where(_trial.id == number)):
        return dict(row)
    raise not_found(f"trial {number} of rule {code}")


@router.get("/rules/{code}/trials", responses=described(Page[Trial], 404))
async def list_trials(
    code: RuleCode, here: Here, who: Administrator, limit: Limit = _SHOWN, cursor: Cursor = None
) -> Response:
    """List the trials of a rule without their lists of findings, the newest first."""
    if code not in RULES:
        raise not_found(f"rule {code}")
    statement = _select(who, code, "result").order_by(_trial.id.desc()).limit(limit + 1)
    if place := decode_cursor(cursor, int):
        statement = statement.where(_trial.id < place[0])
    rows = [dict(row) for row in await here.database.rows(statement)]
    return page(rows, limit, [(row["id"],) for row in rows])


@router.get("/rules/{code}/trials/{id}", responses=described(Trial, 404))
async def show_trial(
    code: RuleCode, number: Annotated[int, Path(alias="id", ge=1, le=BIGINT)], here: Here, who: Administrator
) -> Response:
    """Show a trial with its progress, and what it found."""
    return answer(await _one(here.database, who, code, number))


async def _check(write: Write, code: str, body: TrialBody) -> None:
    """Refuse what would find nothing or read too much, as far as the registry knows: the walk is bounded itself."""
    if body.to > write.now:
        raise invalid("to", "must not lie in the future")
    kinds = RULES[code].kinds
    row = await write.connection.fetchrow(SQL["devices"], list(kinds), body.scope, body.target)
    if row is None or not row["devices"]:
        raise invalid("target", f"has no device that this rule looks at ({', '.join(kinds) or 'any kind'})")
    days = (body.to - body.begin) / timedelta(days=1)
    if row["readings_a_day"] * days > MOST_READINGS:
        needed = f"about {row['readings_a_day'] * days:.0f} readings, at most {MOST_READINGS}"
        raise invalid("to", f"{needed}: choose fewer days or a smaller area")
    if await write.connection.fetchval(SQL["waiting"]) >= MOST_WAITING:
        raise Problem(409, "too_many_trials", f"{MOST_WAITING} trials wait already: wait, or cancel one")


@router.post("/rules/{code}/trials", status_code=202, responses=described(Trial, 404, 409, status=202))
async def try_numbers(code: RuleCode, body: TrialBody, writer: AdministratorWriter) -> Response:
    """Try other numbers on stored readings; nothing is changed by it.

    A detector compares a whole network and learns for 30 days before the period; its numbers are those of the network.
    """
    check_parameters(code, body.parameters)
    if code not in TRIED:
        raise invalid("code", f"{code} looks at no stored readings; one of {', '.join(TRIED)}")
    check_span(body.begin, body.to, LONGEST)

    async def work(write: Write) -> Response:
        area = await check_target(write, body.scope, body.target)
        await _check(write, code, body)
        number = await write.connection.fetchval(
            SQL["add"], code, body.scope, body.target, area, body.parameters, body.begin, body.to,
            write.who.actor, write.now,
        )  # fmt: skip
        await write.record("rule.try", code, trial=number, **body.model_dump(mode="json", by_alias=True))
        shown = await _one(Inside(write.connection), write.who, code, number)
        return answer(shown, 202, headers={"Location": f"/api/v1/rules/{code}/trials/{number}"})

    return await writer.perform(work)


@router.post("/rules/{code}/trials/{id}/cancel", responses=described(Trial, 404, 409))
async def cancel_trial(
    code: RuleCode, number: Annotated[int, Path(alias="id", ge=1, le=BIGINT)], writer: AdministratorWriter
) -> Response:
    """Cancel a trial that waits or runs."""

    async def work(write: Write) -> Response:
        reads = Inside(write.connection)
        await _one(reads, write.who, code, number)
        if await write.connection.fetchval(SQL["cancel"], number, write.now) is None:
            raise Problem(409, "not_running", "it has ended already")
        await write.record("rule.cancel_trial", code, trial=number)
        return answer(await _one(reads, write.who, code, number))

    return await writer.perform(work)
