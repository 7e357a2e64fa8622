"""Acts that come from the other system of a township and its county, applied to the alarm of the same condition.

Called by the API, where a county takes what came up, and by the relay, where a township takes what came down. Promises
that an act is taken once, by its id; that it reaches no alarm outside the areas of the other side, which is answered as
if it did not exist; that what was said here first stands, unless the other side's word counts more or what stands was
theirs; and that no act takes, and no verdict ends, an alarm that was reported again after it was given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from services.core.alarms.ledger import acts
from services.core.alarms.ledger.acts import Came
from services.core.alarms.ledger.refusals import NotAllowed
from services.core.alarms.life.components import normal_component, same_component
from services.core.alarms.life.happenings import ActKind
from services.core.statements import load_queries
from services.core.words import State, Verification

SQL = load_queries(__file__)
NEAR = timedelta(minutes=10)
"""The two systems open the alarm of one report about as far apart as the report travels; a closed one has to fit."""
_VERDICTS = frozenset({Verification.REAL, Verification.FALSE, Verification.TEST})


class Result(StrEnum):
    """What became of an act."""

    APPLIED = "applied"
    STANDS = "stands"  # what was said here before, or what happened since, counts
    NO_ALARM = "no_alarm"  # not yet, or not any more


@dataclass(frozen=True, slots=True)
class Condition:
    """Which alarm, in words that both systems know."""

    device: str | None
    area: str | None  # of an alarm without a device
    code: str
    component: str
    opened_at: datetime
    reported_at: datetime | None = None  # by the device's time, the newest report known there; None: they do not say


@dataclass(frozen=True, slots=True)
class Told:
    """What a person said in the other system.

    `earlier` are the acts on the same alarm before this one, of either system: they tell which alarm it is here. A
    `correction` is of a verdict on an alarm that was closed there. Earlier releases say neither.
    """

    act_id: UUID
    kind: ActKind  # acknowledge or verify
    verdict: Verification | None
    person: str
    note: str
    at: datetime
    condition: Condition
    correction: bool = False
    earlier: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of it, and what stands here now; None without an alarm."""

    result: Result
    answer: dict[str, Any] | None


async def take_act(
    conn: asyncpg.Connection,
    told: Told,
    origin: str,
    now: datetime,
    *,
    areas: Sequence[str] | None,
    wins: bool = False,
) -> Taken:
    """Apply an act of the other system to an alarm in these areas and below them; None: in any.

    With `wins`, in a township, its verdict replaces one that was given here.
    """
    async with conn.transaction():
        await conn.execute(SQL["lock"], told.act_id)
        known = await conn.fetchrow(SQL["known"], told.act_id)
        if known is not None:
            own = known["origin"] == origin  # somebody else's act of that id is none of theirs
            return Taken(Result(known["result"]), known["answer"]) if own else Taken(Result.NO_ALARM, None)
        row, since = await _choose(conn, told, areas, below=wins)
        if row is None:
            return Taken(Result.NO_ALARM, None)
        came = Came(told.act_id, origin)
        wins = wins or await conn.fetchval(SQL["word_of"], row["id"]) == origin  # they correct themselves
        result = Result.STANDS if since else await _apply(conn, row, told, came, now, wins=wins)
        (standing,) = await conn.fetch(SQL["standing"], row["id"])
        answer = {name: one.isoformat() if isinstance(one, datetime) else one for name, one in standing.items()}
        if since:
            answer["reported_since"] = True
        if result is Result.STANDS:
            person = f"{told.person}@{origin}"
            await conn.execute(
                SQL["note"], told.act_id, row["id"], told.kind, told.verdict, person, told.note, now, origin, result
            )
        await conn.execute(SQL["answer"], told.act_id, answer)
        return Taken(result, answer)


async def _choose(
    conn: asyncpg.Connection, told: Told, areas: Sequence[str] | None, *, below: bool
) -> tuple[asyncpg.Record | None, bool]:
    """Return the alarm that the act means, and whether it was reported again since: then it was about an earlier one.

    `below`: this is the township of the two.
    """
    wanted = told.condition
    rows = await conn.fetch(
        SQL["alarms_of"], wanted.device, wanted.area, wanted.code, normal_component(wanted.component),
        wanted.opened_at, NEAR, areas, list(told.earlier), told.correction,
        wanted.reported_at,
    )  # fmt: skip
    for row in rows:
        if row["state"] == State.CLOSED or not await _reported_since(conn, row, told, below=below):
            return row, False
    return (rows[0], True) if rows else (None, False)


async def _apply(
    conn: asyncpg.Connection, row: asyncpg.Record, told: Told, came: Came, now: datetime, *, wins: bool
) -> Result:
    person, alarm_id = f"{told.person}@{came.origin}", row["id"]
    was, closed = Verification(row["verification"]), row["state"] == State.CLOSED
    try:
        if told.kind is ActKind.ACKNOWLEDGE:
            if row["acknowledged_at"] is not None or closed:
                return Result.STANDS
            await acts.acknowledge(conn, alarm_id, actor=person, now=now, note=told.note, came=came)
        elif told.verdict is None or was is told.verdict or (was in _VERDICTS and not wins):
            return Result.STANDS
        elif was in _VERDICTS and closed:
            why = told.note or "按县级结论更正"
            await acts.correct(conn, alarm_id, outcome=told.verdict, reason=why, actor=person, now=now, came=came)
        else:
            await acts.verify(conn, alarm_id, outcome=told.verdict, note=told.note, actor=person, now=now, came=came)
    except NotAllowed:
        return Result.STANDS
    return Result.APPLIED


async def _reported_since(conn: asyncpg.Connection, row: asyncpg.Record, told: Told, *, below: bool) -> bool:
    """Whether the open alarm was reported again after the act; a person who says that it burns need not know."""
    wanted = told.condition
    if told.kind is ActKind.ACKNOWLEDGE:
        asked: bool = await conn.fetchval(SQL["asked_since"], row["id"], told.at, wanted.reported_at)
        return asked
    if row["device_id"] is None or (told.verdict is Verification.REAL and not told.correction):
        return False
    later = await conn.fetch(SQL["fires_since"], row["device_id"], told.at, wanted.reported_at, below)
    return any(same_component(one["component"], wanted.component) for one in later)
