"""Proposes hazards from what the alarms say, and notes which causes are gone. A duty of main; steps are the ledger's.

Promises that a step that fails by itself is set aside and holds up no other, and that no statement reads readings or
events: open alarms and the false ones of a month are all there is to look at.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, cast

import asyncpg

from services.core import db
from services.core.aside import Asides, Unit, own_fault
from services.core.clock import Clock
from services.core.prevention import hazard as life
from services.core.prevention import ledger
from services.core.prevention.catalogue import KINDS, HazardCode
from services.core.prevention.hazard import Act, By, Source
from services.core.prevention.proposals import Plan, Seen, Standing, is_dry, plan, words_of
from services.core.prevention.thresholds import NO_WATER, PANEL_FAULTS, threshold
from services.core.statements import load_queries
from services.core.water import newer_level
from services.core.words import Reason

SQL = load_queries(__file__)
EVERY_S: Final = 60.0
KIND: Final = "hazard"
ACTOR: Final = "system"


class Proposals:
    """Looks once a minute."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._asides = Asides("alerts", clock)

    async def take_turn(self) -> float:
        """Look once, and take the steps that follow."""
        async with self._pool.acquire() as lent:
            conn = cast("asyncpg.Connection", lent)
            await self._asides.refresh(conn)
            for name, step in self._steps(await self._look(conn)):
                await self._alone(conn, name, step)
        return EVERY_S

    async def _look(self, conn: asyncpg.Connection) -> Plan:
        now = self._clock.now()
        rows = await conn.fetch(
            SQL["lasting"], list(PANEL_FAULTS), now - timedelta(hours=threshold("panel_fault_h")), list(NO_WATER),
            now - timedelta(hours=threshold("dry_h")), now - timedelta(days=threshold("offline_d")), now,
        )  # fmt: skip
        seen = [one for row in rows if (one := _seen(row, now)) is not None]
        since = now - timedelta(days=threshold("false_alarms_d"))
        for row in await conn.fetch(SQL["false_alarms"], since, int(threshold("false_alarms"))):
            place = (row["device_id"], row["component"], row["key"])
            seen.append(Seen(HazardCode.FALSE_ALARMS, *place, row["since"], Reason("", "")))
        standing = [
            Standing(row["id"], row["cause"], row["cause_gone_at"] is not None)
            for row in await conn.fetch(SQL["standing"])
        ]
        judged = await conn.fetch(SQL["judged"], [one.cause for one in seen])
        return plan(seen, standing, {row["cause"]: row["closed_at"] for row in judged})

    def _steps(self, found: Plan) -> list[tuple[str, Callable[[asyncpg.Connection, By], Awaitable[object]]]]:
        return [
            *((one.cause, _propose(one)) for one in found.new),
            *((one.cause, _note(one, Act.CAUSE_GONE)) for one in found.gone),
            *((one.cause, _note(one, Act.CAUSE_BACK)) for one in found.back),
        ]

    async def _alone(
        self, conn: asyncpg.Connection, name: str, step: Callable[[asyncpg.Connection, By], Awaitable[object]]
    ) -> None:
        if self._asides.waits(KIND, name):
            return
        try:
            async with conn.transaction():
                await step(conn, By(ACTOR, ACTOR, self._clock.now()))
        except Exception as error:
            db.pass_on_cancel()
            if not own_fault(error):
                raise
            await self._asides.add(conn, Unit(KIND, name), error)
        else:
            await self._asides.over(conn, KIND, name)


def _seen(row: asyncpg.Record, now: datetime) -> Seen | None:
    """Return the condition that an alarm tells of; None: it is no hazard."""
    code, component, key, since = HazardCode.PANEL_FAULT, row["component"], row["key"], row["since"]
    if row["code"] == "insulation_ageing":
        code = HazardCode.INSULATION_AGEING
    elif row["code"] == "device_offline":
        code, component, key, since = HazardCode.DEVICE_OFFLINE, "", "", row["last_seen"]
    elif row["code"] in NO_WATER:
        code, state = HazardCode.WATER_DRY, row["state"]
        level = newer_level(dict(row), state, now) if isinstance(state, Mapping) else {}
        if not is_dry(row["kind"], row["limits"], level):
            return None
    elif row["code"] != "fault":
        key = f"{row['code']}:{key}"  # two faults of one part are two causes
    works = row["is_out_of_service"] and code is not HazardCode.INSULATION_AGEING  # what works do not bring about
    return Seen(code, row["device_id"], component, key, since, Reason(row["reason"], row["reason_en"]), works)


def _propose(seen: Seen) -> Callable[[asyncpg.Connection, By], Awaitable[object]]:
    async def step(conn: asyncpg.Connection, by: By) -> object:
        words = words_of(seen)
        new = ledger.New(
            seen.device_id, None, seen.code, KINDS[seen.code].grade, Source.SYSTEM, seen.component,
            description=words.zh, description_en=words.en, cause=seen.cause,
        )  # fmt: skip
        return await ledger.add(conn, by, new)

    return step


def _note(standing: Standing, act: Act) -> Callable[[asyncpg.Connection, By], Awaitable[object]]:
    async def step(conn: asyncpg.Connection, by: By) -> object:
        take = (lambda one: life.cause_gone(one, by)) if act is Act.CAUSE_GONE else life.cause_back
        return await ledger.step(conn, standing.id, by, act, take)

    return step
