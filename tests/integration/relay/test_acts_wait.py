"""What a person said in a township is told once its alarm is due at the county; until then 119 is not left to it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import orjson
import pytest

from services.alerts.to_county import ToCounty, forget_county
from services.core import lease
from services.core.alarms.ledger import acts as ledger
from services.core.line import MOST_BYTES
from services.relay.acts import NO_ALARM_AFTER, Acts
from services.relay.county import Answered, County
from services.relay.database import LEASE, Database
from tests.support.broker_fleet import AREA, Rows, rows_of
from tests.support.hand_clock import HandClock

OTHER_AREA = "140931101"
OPERATIONS = Path("docs/operations.md").read_text(encoding="utf-8")
STATE = "select state from notice where type = 'fire.confirmed' order by created_at desc limit 1"
RESULT = "select result from carried_act order by id desc limit 1"


@dataclass
class Answering:
    """A county that answers by hand; `told` is what came, `said` what was said there."""

    status: int = 200
    result: str = "no_alarm"
    told: list[dict[str, Any]] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    fails_at: str = ""  # an outcome at which it has a fault

    async def get(self, path: str) -> dict[str, Any] | None:
        query = parse_qs(urlsplit(path).query)
        since = query.get("since", [""])[0]
        items = sorted((one for one in self.said if one["at"] >= since), key=lambda one: one["at"])
        answer = {"items": items[: int(query["limit"][0])], "next": None}
        return answer if len(orjson.dumps(answer)) <= MOST_BYTES else None  # as a line cuts it

    async def send(self, _path: str, body: dict[str, Any]) -> Answered:
        self.told.append(body)
        if body["outcome"] == self.fails_at:
            return Answered(500, None)
        return Answered(self.status, {"result": self.result, "standing": None} if self.status == 200 else None)


@dataclass
class Township:
    """Its database, an open fire, and a relay's acts by a clock of the test."""

    rows: Rows
    database: Database
    clock: HandClock
    county: Answering
    acts: Acts
    alarm: int = 0

    async def bring_up_for(self, time: timedelta) -> None:
        """Let that much time pass, in turns of ten seconds."""
        for _ in range(time // timedelta(seconds=10)):
            await self.acts.bring_up()
            await self.clock.sleep(10)
        await self.acts.bring_up()

    async def commit(self, *, carried: bool) -> None:
        """Ingest has committed an event a minute ago; the relay has carried it, or not."""
        await self.rows.connection.execute(
            """insert into ingest_batch (writer, number, owner, lane, committed_at, events)
               values ('all/event', 1, gen_random_uuid(), 'event', $1, 1)""",
            self.clock.now() - timedelta(minutes=1),
        )
        await self.move_cursor(1 if carried else 0)

    async def move_cursor(self, number: int) -> None:
        await self.rows.connection.execute(
            """insert into feed_cursor (writer, number)
               values ('all/event relay fires', $1), ('all/event relay events', $1)
               on conflict (writer) do update set number = excluded.number""",
            number,
        )

    async def judge(self, outcome: str = "real") -> None:
        now = self.clock.now()
        await ledger.verify(self.rows.connection, self.alarm, outcome=outcome, note="", actor="user:li", now=now)

    async def leave_to_county(self) -> Any:
        await ToCounty(self.database.writes).take_turn()
        return await self.rows.one(STATE)


async def open_fire(connection: asyncpg.Connection, area: str, now: datetime, device: str = "p-1") -> int:
    made: int = await connection.fetchval(
        """with d as (insert into device (code, kind, area) values ($3, 'panel', $1) returning id)
           insert into alarm (subject, code, component, category, severity, state, confidence, verification, device_id,
               area, reason, reason_en, opened_at, scope)
           select 'device:' || id, 'fire', '1-1', 'fire', 'critical', 'unacknowledged', 'suspected', 'pending', id, $1,
               '火警', 'a fire', $2, 'device:' || id from d returning id""",
        area,
        now,
        device,
    )
    return made


@pytest.fixture
async def township(database: str) -> AsyncIterator[Township]:
    async with rows_of(database) as rows:
        owner = uuid4()
        opened = await Database.open(database, owner)
        now: datetime = await rows.one("select clock_timestamp()")
        clock, county = HandClock(now), Answering()
        await lease.take(rows.connection, LEASE, owner)
        lane = "insert into ingest_lane (writer, lane, owner) values ('all/event', 'event', gen_random_uuid())"
        await rows.connection.execute(lane)
        await rows.connection.execute("insert into relay_link (areas) values ($1)", [AREA])
        acts = Acts(opened, cast("County", county), clock)
        made = Township(rows, opened, clock, county, acts)
        made.alarm = await open_fire(rows.connection, AREA, now)
        yield made
        await opened.reads.close()
        await opened.writes.close()


async def test_a_verdict_waits_for_its_alarm_as_long_as_what_was_before_it_is_on_its_way(township: Township) -> None:
    await township.commit(carried=False)
    await township.judge()
    await township.bring_up_for(3 * NO_ALARM_AFTER)
    assert await township.rows.one(RESULT) is None
    assert await township.leave_to_county() == "waiting"
    await township.move_cursor(1)
    township.county.result = "applied"
    await township.bring_up_for(timedelta(seconds=30))
    assert await township.rows.one(RESULT) == "applied"
    assert await township.leave_to_county() == "withdrawn"


@pytest.mark.parametrize("status", [200, 400, 404, 413, 422])
async def test_a_fire_that_the_county_does_not_have_is_not_left_to_it_until_its_alarm_ends(
    township: Township, status: int
) -> None:
    await township.commit(carried=True)
    township.county.status = status
    await township.judge()
    await township.bring_up_for(NO_ALARM_AFTER - timedelta(seconds=10))
    assert await township.rows.one(RESULT) is None
    await township.bring_up_for(timedelta(seconds=40))
    assert await township.rows.one(RESULT) == "no_alarm"
    assert await township.leave_to_county() == "waiting"
    note = "select detail ->> 'note' from alarm_transition where act = 'note'"
    assert "119" in await township.rows.one(note)
    await ledger.clear(township.rows.connection, township.alarm, actor="user:li", now=township.clock.now())
    await township.acts.bring_up()
    assert await township.leave_to_county() == "withdrawn"


async def test_the_county_is_asked_about_an_act_with_growing_pauses_and_about_others_meanwhile(
    township: Township,
) -> None:
    await township.commit(carried=False)
    await township.judge()
    for _ in range(60):
        await township.acts.bring_up()
        await township.clock.sleep(1)
    assert 4 <= len(township.county.told) <= 8
    assert {one["outcome"] for one in township.county.told} == {"real"}


async def test_an_act_at_which_the_county_fails_holds_up_no_other_and_is_told_again(township: Township) -> None:
    connection, now = township.rows.connection, township.clock.now()
    await township.commit(carried=True)
    township.county.result, township.county.fails_at = "applied", "false"
    await township.judge("false")
    other = await open_fire(connection, AREA, now, "p-2")
    await ledger.verify(connection, other, outcome="real", note="", actor="user:li", now=now)
    assert not await township.acts.bring_up()
    results = "select array_agg(result order by id) from carried_act"
    assert await township.rows.one(results) == [None, "applied"]
    township.county.fails_at = ""
    await township.bring_up_for(timedelta(seconds=30))
    assert await township.rows.one(results) == ["applied", "applied"]


async def test_what_was_said_is_told_again_to_a_county_that_was_restored_from_a_copy(township: Township) -> None:
    await township.commit(carried=True)
    township.county.result = "applied"
    await township.judge("false")
    await township.acts.bring_up()
    (told,) = township.county.told
    (statement,) = re.findall(r"`(update carried_act [^`]+)`", OPERATIONS)
    before = township.clock.now() - timedelta(hours=1)
    await township.rows.connection.execute(re.sub(r"'20[^']+'", f"'{before.isoformat()}'", statement))
    await township.acts.bring_up()
    assert township.county.told == [told, told]


async def test_what_is_said_second_of_an_alarm_is_told_second(township: Township) -> None:
    await township.commit(carried=False)
    await township.judge("real")
    await township.judge("false")
    await township.bring_up_for(timedelta(minutes=1))
    assert {one["outcome"] for one in township.county.told} == {"real"}
    township.county.result = "applied"
    await township.bring_up_for(timedelta(minutes=1))
    assert township.county.told[-1]["outcome"] == "false"


async def test_a_correction_is_told_as_one_with_what_was_said_before_of_its_alarm(township: Township) -> None:
    connection, now = township.rows.connection, township.clock.now()
    await township.commit(carried=True)
    township.county.result = "applied"
    await township.judge("false")
    await ledger.correct(connection, township.alarm, outcome="real", reason="看错了", actor="user:li", now=now)
    await township.acts.bring_up()
    await township.acts.bring_up()
    first, second = township.county.told
    assert (first["correction"], first["earlier"]) == (False, [])
    assert (second["correction"], second["earlier"]) == (True, [first["act_id"]])
    assert second["alarm"]["reported_at"] is None, "nothing was reported of the test's fire"


async def test_an_act_that_concerns_nothing_of_the_county_holds_up_no_notice(township: Township) -> None:
    connection, now = township.rows.connection, township.clock.now()
    await township.commit(carried=True)
    for subject, category, area in (("system", "system", None), (f"area:{OTHER_AREA}", "device", OTHER_AREA)):
        other = await connection.fetchval(
            """insert into alarm (subject, code, component, category, severity, state, area, reason, reason_en,
                   opened_at)
               values ($1, 'offline', '', $2, 'major', 'unacknowledged', $3, '', '', $4) returning id""",
            subject, category, area, now,
        )  # fmt: skip
        await ledger.acknowledge(connection, other, actor="user:li", now=now)
    assert await township.rows.one("select count(*) from carried_act") == 0
    await township.judge()
    township.county.result = "applied"
    await township.acts.bring_up()
    assert await township.leave_to_county() == "withdrawn"


async def test_a_fire_whose_rows_do_not_go_up_stays_until_its_alarm_ends(township: Township) -> None:
    await township.commit(carried=True)
    connection = township.rows.connection
    await connection.execute("update device set area = $1", OTHER_AREA)
    await township.judge()
    assert await township.leave_to_county() == "waiting"
    assert township.county.told == []
    await connection.execute(
        "insert into device_state (device_id, last_topic) select id, 'fire/v1/140931100/panel/p-1' from device"
    )
    assert await township.leave_to_county() == "withdrawn"


async def test_without_a_county_the_link_and_its_cursors_end_and_a_relay_at_work_keeps_them(township: Township) -> None:
    await township.commit(carried=True)
    cursors = "select count(*) from feed_cursor where writer like '% relay %'"
    await forget_county(township.database.writes)
    assert (await township.rows.one("select count(*) from relay_link"), await township.rows.one(cursors)) == (1, 2)
    await lease.release(township.rows.connection, LEASE, township.database.owner)
    await forget_county(township.database.writes)
    assert (await township.rows.one("select count(*) from relay_link"), await township.rows.one(cursors)) == (0, 0)
