"""What the stream's looks find, over a real database whose transactions commit in any order."""

import random
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import asyncpg
import pytest

from services.api.live import cursors
from services.api.live.cursors import look_at_alarms, look_at_devices, look_at_notices
from services.api.request.state import State
from services.core import db
from tests.integration.api.conftest import AREA, Raise, Store

NOW = datetime(2026, 11, 28, tzinfo=UTC)
_MANY = """insert into alarm (subject, code, category, severity, state, area, reason, reason_en, opened_at, updated_at)
select 'system', 'c' || n, 'device', 'minor', 'unacknowledged', $2, '防拆', 'tamper', now(), now()
from generate_series(1, $1) n"""


@pytest.mark.parametrize("seed", range(3))
async def test_every_commit_is_found_once_in_whatever_order_transactions_end(
    database: str, state: State, connection: asyncpg.Connection, seed: int
) -> None:
    chance = random.Random(seed)
    await connection.execute(_MANY, 6, AREA)
    ids = [row["id"] for row in await connection.fetch("select id from alarm order by id")]
    look = await look_at_alarms(state.database, None)
    async with AsyncExitStack() as stack:
        writers = [await db.connect(database, program="test") for _ in range(4)]
        for writer in writers:
            stack.push_async_callback(writer.close)
        open_on: dict[int, list[int]] = {}  # writer: the alarms that its open transaction changed
        unseen: set[int] = set()
        locked: set[int] = set()
        for _ in range(80):
            n = chance.randrange(4)
            act = chance.choice(("change", "change", "end", "look"))
            if act == "change":
                if n not in open_on:
                    await writers[n].execute("begin")
                    open_on[n] = []
                free = [number for number in ids if number not in locked]
                if free:
                    number = chance.choice(free)
                    # the time that it says it changed is anything: no clock decides
                    stamp = "update alarm set updated_at = now() - make_interval(secs => $2) where id = $1"
                    await writers[n].execute(stamp, number, chance.uniform(-3600, 3600))
                    open_on[n].append(number)
                    locked.add(number)
            elif act == "end" and n in open_on:
                changed = open_on.pop(n)
                locked -= set(changed)
                if chance.random() < 0.75:
                    await writers[n].execute("commit")
                    unseen |= set(changed)
                else:
                    await writers[n].execute("rollback")
            elif act == "look":
                look = await look_at_alarms(state.database, look.cursor)
                assert not look.lost
                assert sorted(look.rest) == sorted(unseen), "missed, or told although nothing was committed"
                unseen = set()


async def test_a_fire_among_thousands_of_changes_stands_first(
    state: State, connection: asyncpg.Connection, open_alarm: Raise
) -> None:
    begun = await look_at_alarms(state.database, None)
    await connection.execute(_MANY, 3000, AREA)
    fire = await open_alarm("p-1", fire=True)
    look = await look_at_alarms(state.database, begun.cursor)
    assert list(look.first) == [fire]
    assert len(look.rest) == 3000
    after = await look_at_alarms(state.database, look.cursor)
    assert (list(after.first), list(after.rest), after.lost) == ([], [], False)


async def test_more_than_can_be_told_is_said_to_be_lost_and_the_next_look_goes_on(
    state: State, connection: asyncpg.Connection, open_alarm: Raise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "MOST_CHANGED", 50)
    begun = await look_at_alarms(state.database, None)
    await connection.execute(_MANY, 51, AREA)
    look = await look_at_alarms(state.database, begun.cursor)
    assert look.lost
    fire = await open_alarm("p-1", fire=True)
    assert list((await look_at_alarms(state.database, look.cursor)).first) == [fire]


async def test_a_database_that_went_back_is_noticed(state: State) -> None:
    ahead = cursors.Cursor("99999999:99999999:")
    for look in (look_at_alarms, look_at_notices):
        assert (await look(state.database, ahead)).lost
    found = await look_at_devices(state.database, ahead, NOW)
    assert found.lost
    assert not (await look_at_devices(state.database, found.cursor, NOW)).lost


async def test_what_is_sent_of_a_notice_is_told_fires_first_and_a_claim_is_not(
    state: State, connection: asyncpg.Connection, open_alarm: Raise, store_notice: Store
) -> None:
    plain = await store_notice(await open_alarm("p-1"), "waiting")
    await connection.execute("update notice set fire = false")
    begun = await look_at_notices(state.database, None)
    fire = await store_notice(await open_alarm("p-2", fire=True), "waiting")
    await connection.execute("update notice set last_error = 'x' where id = $1", plain)
    look = await look_at_notices(state.database, begun.cursor)
    assert (list(look.first), list(look.rest)) == ([fire], [plain])
    await connection.execute("update notice set claimed_until = now(), attempts = attempts + 1")
    claimed = await look_at_notices(state.database, look.cursor)
    assert not [*claimed.first, *claimed.rest]


async def test_devices_that_fall_silent_together_are_all_told(state: State, connection: asyncpg.Connection) -> None:
    await connection.execute(
        "insert into device (code, kind, area) select 'd-' || n, 'hydrant', $1 from generate_series(1, 5000) n", AREA
    )
    await connection.execute("insert into device_state (device_id, last_seen) select id, now() from device")
    begun = await look_at_devices(state.database, None, NOW)
    await connection.execute("update device_state set online = false, marked_in = pg_current_xact_id()")
    look = await look_at_devices(state.database, begun.cursor, NOW)
    assert len(look.rest) == 5000
    assert not look.lost
    assert not (await look_at_devices(state.database, look.cursor, NOW)).rest
