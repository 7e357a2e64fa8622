"""What people say of alarms, up to the county, and with `acts_down` down from it. A duty of main.

Promises that each act is told until it is answered; that one at which the county fails holds up those of its alarm
alone; and that where the county said something first the township's alarm says so: the county's verdict counts, and
comes down like any other.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.core.alarms.ledger import acts
from services.core.alarms.ledger.carried import Result
from services.core.alarms.ledger.refusals import NotAllowed, NotFound
from services.core.clock import Clock, wait_at_most
from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import describe_error
from services.core.words import Verification
from services.relay.acts_down import COUNTY, ActsDown
from services.relay.county import County
from services.relay.database import Database

log = logger(__name__)
SQL = load_queries(__file__)
EVERY_S = 1.0  # a notification of an alarm's change wakes us at once
AWAY_PAUSE_S = 1.0
NO_ALARM_AFTER = timedelta(minutes=2)  # the alarm opens there when its event, which is carried by then, was judged
AGAIN_FIRST, AGAIN_CAP = timedelta(seconds=1), timedelta(seconds=30)  # between two questions about one act
REFUSED = frozenset({400, 404, 409, 413, 422})
FAULT = 500  # a fault of the county's, at this act perhaps alone; one that is away says so otherwise
_WHERE = ("device", "area", "code", "component", "opened_at", "reported_at")
VERDICTS = {"real": ("真实火警", "a real fire"), "false": ("误报", "a false alarm"), "test": ("测试", "a test")}


@dataclass(slots=True)
class _Vain:
    """An act for which the county knows no alarm."""

    pause: timedelta = AGAIN_FIRST
    due: datetime | None = None  # of the next question
    since: datetime | None = None  # the alarm should have been there; None: what was committed before is on its way


class Acts:
    """Both ways. `hint` wakes it."""

    def __init__(self, database: Database, county: County, clock: Clock) -> None:
        self._database, self._county, self._clock = database, county, clock
        self.down = ActsDown(database, county, clock)
        self._vain: dict[int, _Vain] = {}
        self.hint = asyncio.Event()

    async def run(self) -> None:
        """Carry without end."""
        while True:
            self.hint.clear()
            answered = await self.bring_up() and await self.down.fetch()
            await wait_at_most(self.hint, EVERY_S)
            if not answered:
                await self._clock.sleep(AWAY_PAUSE_S)

    async def bring_up(self) -> bool:
        """Tell the county what was said here; whether it answered."""
        now, answered = self._clock.now(), True
        asked = [act for act, vain in self._vain.items() if vain.due is not None and now < vain.due <= now + AGAIN_CAP]
        for row in await self._database.reads.fetch(SQL["waiting"], asked):
            body = {
                "act_id": str(row["act_id"]), "act": row["act"], "outcome": row["outcome"], "person": row["actor"],
                "note": row["note"], "at": row["at"], "correction": row["correction"],
                "earlier": [str(act_id) for act_id in row["earlier"]], "alarm": {name: row[name] for name in _WHERE},
            }  # fmt: skip
            status, answer = await self._county.send("/api/v1/acts", body)
            if status in REFUSED:  # it cannot be told
                log.error("act_refused", act_id=str(row["act_id"]), alarm_id=row["alarm_id"], status=status)
                answer = {"result": Result.NO_ALARM}
            elif status == FAULT:
                self._may_come(row["id"], passed=False)
                answered = False
                continue
            elif not isinstance(answer, Mapping) or answer.get("result") not in set(Result):
                return False
            if answer["result"] == Result.NO_ALARM and self._may_come(row["id"], passed=row["passed"]):
                continue
            self._vain.pop(row["id"], None)
            async with self._database.writing() as conn:
                standing = answer.get("standing")
                await conn.execute(SQL["answered"], row["id"], answer["result"], standing, self._clock.now())
                await self._note_answer(conn, dict(row), answer["result"], standing or {})
        return answered

    def _may_come(self, act: int, *, passed: bool) -> bool:
        """Whether the alarm may still open there: not for two minutes after all of before the act was carried."""
        now, vain = self._clock.now(), self._vain.setdefault(act, _Vain())
        if passed and vain.since is None:
            vain.since = now
        vain.due, vain.pause = now + vain.pause, min(AGAIN_CAP, vain.pause * 2)
        return vain.since is None or now - vain.since < NO_ALARM_AFTER

    async def _note_answer(
        self, conn: asyncpg.Connection, row: Mapping[str, Any], result: str, standing: Mapping[str, Any]
    ) -> None:
        """Note on our own alarm that the county said something else before, or has no such fire."""
        verdict = standing.get("verification")
        if row["act"] != "verify":
            return
        if result == Result.STANDS and verdict != row["outcome"]:
            zh, en = VERDICTS.get(str(verdict), ("核实以后又有新的报警", "reported again since this verdict"))
            who = standing.get("verified_by") or ""
            note = f"县级先有结论，以县级为准：{zh} {who} (the county's word stands: {en})"
        elif result == Result.NO_ALARM and row["outcome"] == Verification.REAL:
            log.error("fire_not_at_county", alarm_id=row["alarm_id"], act_id=str(row["act_id"]))
            note = "县级没有此火警，请立即电话报告 119 和县值班室 (no such fire at the county: phone 119 and it)"
        else:
            return
        try:
            await acts.add_note(conn, row["alarm_id"], note=note, actor=COUNTY, now=self._clock.now())
        except (NotFound, NotAllowed) as error:
            log.warning("county_word_not_noted", alarm_id=row["alarm_id"], error=describe_error(error))
