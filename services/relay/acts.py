"""What people say of alarms, up to the county and down from it. A duty of main.

Promises that each act is told until it is answered, and that where the county said something first the township's alarm
says so: the county's verdict counts, and comes down like any other.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.core.alarms.ledger import acts
from services.core.alarms.ledger.carried import Condition, Result, Told, take_act
from services.core.alarms.ledger.refusals import NotAllowed, NotFound
from services.core.alarms.life.happenings import ActKind
from services.core.clock import Clock, wait_at_most
from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import describe_error
from services.core.words import Verification
from services.relay.county import County
from services.relay.database import Database

log = logger(__name__)
SQL = load_queries(__file__)
COUNTY = "county"
EVERY_S = 1.0  # a notification of an alarm's change wakes us at once
AWAY_PAUSE_S = 1.0
NO_ALARM_AFTER = timedelta(minutes=2)  # the alarm opens there when its event was judged; a backlog is waited for
OVERLAP = timedelta(seconds=60)  # two who act at once may commit in another order than their times
REFUSED = frozenset({404, 409, 422})
VERDICTS = {"real": ("真实火警", "a real fire"), "false": ("误报", "a false alarm"), "test": ("测试", "a test")}


class Acts:
    """Both ways. `hint` wakes it."""

    def __init__(self, database: Database, areas: tuple[str, ...], county: County, clock: Clock) -> None:
        self._database, self._areas, self._county, self._clock = database, areas, county, clock
        self._vain: dict[int, datetime] = {}  # since when the county knows no alarm for an act
        self.hint = asyncio.Event()

    async def run(self) -> None:
        """Carry without end."""
        while True:
            self.hint.clear()
            answered = await self._bring_up() and await self._fetch()
            await wait_at_most(self.hint, EVERY_S)
            if not answered:
                await self._clock.sleep(AWAY_PAUSE_S)

    async def _bring_up(self) -> bool:
        """Tell the county what was said here; whether it answered."""
        rows = await self._database.reads.fetch(SQL["waiting"], list(self._areas))
        for row in rows:
            body = {
                "act_id": str(row["act_id"]), "act": row["act"], "outcome": row["outcome"], "person": row["actor"],
                "note": row["note"], "at": row["at"],
                "alarm": {name: row[name] for name in ("device", "area", "code", "component", "opened_at")},
            }  # fmt: skip
            status, taken = await self._county.send("/api/v1/acts", body)
            if status in REFUSED:  # it cannot be told: the county has that alarm elsewhere, or cannot read the act
                log.error("act_refused", act_id=str(row["act_id"]), alarm_id=row["alarm_id"], status=status)
                taken = {"result": Result.NO_ALARM, "standing": None}
            elif not isinstance(taken, Mapping) or taken.get("result") not in set(Result):
                return False
            if taken["result"] == Result.NO_ALARM and self._may_come(row["id"]):
                continue
            self._vain.pop(row["id"], None)
            async with self._database.writing() as conn:
                await conn.execute(SQL["answered"], row["id"], taken["result"], taken["standing"], self._clock.now())
                await self._say_what_stands(conn, dict(row), taken)
        return True

    def _may_come(self, act: int) -> bool:
        now = self._clock.now()
        return now - self._vain.setdefault(act, now) < NO_ALARM_AFTER

    async def _say_what_stands(
        self, conn: asyncpg.Connection, row: Mapping[str, Any], taken: Mapping[str, Any]
    ) -> None:
        """Note on our own alarm that the county said something else before."""
        there = taken.get("standing") or {}
        verdict = there.get("verification")
        if taken["result"] != Result.STANDS or row["act"] != "verify" or verdict == row["outcome"]:
            return
        zh, en = VERDICTS.get(str(verdict), ("核实以后又有新的报警", "reported again since this verdict"))
        who = there.get("verified_by") or ""
        note = f"县级先有结论，以县级为准：{zh} {who} (the county's word stands: {en})"
        try:
            await acts.add_note(conn, row["alarm_id"], note=note, actor=COUNTY, now=self._clock.now())
        except (NotFound, NotAllowed) as error:
            log.warning("county_word_not_noted", alarm_id=row["alarm_id"], error=describe_error(error))

    async def _fetch(self) -> bool:
        """Take what was said at the county; whether it answered."""
        until_ms = await self._database.reads.fetchval(SQL["told_until"])
        path = "/api/v1/acts"
        if until_ms is not None:
            since = datetime.fromtimestamp(until_ms / 1000, UTC) - OVERLAP
            path += f"?since={since.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}"
        found = await self._county.get(path)
        if not isinstance(found, Mapping) or not isinstance(found.get("items"), list):
            return False
        items = found["items"]
        known = {row["act_id"] for row in await self._known(items)}
        for item in items:
            if UUID(item["act_id"]) not in known and not await self._take(_told(item)):
                break  # what follows may be about the same alarm
            async with self._database.writing() as conn:
                at = datetime.fromisoformat(item["at"])
                await conn.execute(SQL["tell_until"], int(at.timestamp() * 1000))
        return True

    async def _known(self, items: list[Any]) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await self._database.reads.fetch(
            SQL["known"], [UUID(item["act_id"]) for item in items]
        )
        return found

    async def _take(self, told: Told) -> bool:
        """Apply what was said at the county; False: its alarm may still open here."""
        now = self._clock.now()
        async with self._database.writing() as conn:
            taken = await take_act(conn, told, COUNTY, now, areas=None, wins=True)
            if taken.result is Result.NO_ALARM:
                if now - told.at < NO_ALARM_AFTER:
                    return False
                person = f"{told.person}@{COUNTY}"
                await conn.execute(SQL["missed"], told.act_id, told.kind, told.verdict, person, told.note, now, COUNTY)
            await conn.execute(SQL["tell"])
        return True


def _told(item: Mapping[str, Any]) -> Told:
    where = item["alarm"]
    opened_at = datetime.fromisoformat(where["opened_at"])
    condition = Condition(where["device"], where["area"], where["code"], where["component"], opened_at)
    verdict = None if item["outcome"] is None else Verification(item["outcome"])
    at = datetime.fromisoformat(item["at"])
    return Told(UUID(item["act_id"]), ActKind(item["act"]), verdict, item["person"], item["note"], at, condition)
