from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.core import db
from services.core.aside import MORE, MOST_OPEN, RETRY_AFTER, Asides, Unit, by_halves, forget_old, own_fault
from services.core.errors import Fenced
from tests.support.hand_clock import HandClock


@pytest.fixture
async def conn(database: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await db.connect(database, program="test")
    yield conn
    await conn.close()


HOSTILE = {
    "surrogate": "\ud800",
    "nul": "a\0b",
    "\ud800": 1,
    "huge": 2**70,
    "nan": float("nan"),
    "list": [{"\0": "\0"}],
}


async def test_json_of_any_kind_from_outside_is_stored(conn: asyncpg.Connection) -> None:
    stored = await conn.fetchval("select $1::jsonb", HOSTILE)
    assert stored["nul"] == "a\N{REPLACEMENT CHARACTER}b"
    assert stored["huge"] == str(2**70)


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
async def test_a_value_that_the_database_refuses_is_the_units_own_fault(conn: asyncpg.Connection, value: str) -> None:
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as refused:
        await conn.fetchval("select $1::text", value)
    assert own_fault(refused.value)


async def test_a_database_that_is_away_or_busy_is_nobodys_fault(conn: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.QueryCanceledError) as slow:
        await conn.execute("set statement_timeout = 10; select pg_sleep(1)")
    assert not own_fault(slow.value)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError) as standby:
        await conn.execute("begin read only; create table x (y integer)")
    assert not own_fault(standby.value)
    await conn.close()
    with pytest.raises(asyncpg.InterfaceError) as closed:
        await conn.fetchval("select 1")
    assert not own_fault(closed.value)
    assert not own_fault(Fenced("another one owns it"))


async def test_a_unit_is_listed_once_with_its_newest_error_until_it_goes_through(conn: asyncpg.Connection) -> None:
    clock = HandClock()
    asides = Asides("alerts", clock)
    unit = Unit("alarm", "alarm:5\0", "140931100", detail=HOSTILE)
    await asides.add(conn, unit, ValueError("first"))
    await asides.add(conn, unit, ExceptionGroup("group", [KeyError("second")]))
    rows = await conn.fetch("select * from set_aside")
    assert [(row["error"], row["failures"]) for row in rows] == [("KeyError: 'second'", 2)]
    name = rows[0]["name"]
    assert asides.waits("alarm", name)
    await clock.sleep(RETRY_AFTER.total_seconds())
    assert not asides.waits("alarm", name)
    await asides.over(conn, "alarm", name)
    assert await conn.fetchval("select result from set_aside") == "done"
    await asides.add(conn, unit, ValueError("again"))
    assert await conn.fetchval("select count(*) from set_aside where done_at is null") == 1


async def test_a_retry_that_a_person_asked_for_is_found_by_the_program(conn: asyncpg.Connection) -> None:
    asides = Asides("alerts", HandClock())
    await asides.add(conn, Unit("event", "e1"), ValueError("x"))
    await asides.add(conn, Unit("event", "e2"), ValueError("x"))
    await conn.execute("update set_aside set retry_requested_at = now() where name = 'e2'")
    again = await Asides("alerts", HandClock()).refresh(conn)
    assert [row["name"] for row in again] == ["e2"]


async def test_of_many_units_only_the_bad_ones_fall(conn: asyncpg.Connection) -> None:
    await conn.execute("create temporary table done (n integer check (n not in (3, 17)))")
    fallen: list[int] = []

    async def work(items: Sequence[int]) -> None:
        async with conn.transaction():
            await conn.executemany("insert into done values ($1)", [(item,) for item in items])

    async def spoiled(item: int, error: Exception) -> None:
        assert isinstance(error, asyncpg.CheckViolationError)
        fallen.append(item)

    await by_halves(range(40), work, spoiled)
    assert fallen == [3, 17]
    kept = [row["n"] for row in await conn.fetch("select n from done order by n")]
    assert kept == [n for n in range(40) if n not in fallen]


async def test_a_lost_database_stops_the_work_instead_of_blaming_the_units() -> None:
    async def work(_items: Sequence[int]) -> None:
        raise OSError("gone")

    async def spoiled(_item: Any, _error: Exception) -> None:
        raise AssertionError("nobody is to blame")

    with pytest.raises(OSError, match="gone"):
        await by_halves(range(8), work, spoiled)


async def test_a_flood_of_failures_makes_a_bounded_list(conn: asyncpg.Connection) -> None:
    await conn.execute(
        """insert into set_aside (program, kind, name, error, first_at, last_at)
           select 'alerts', 'event', 'e' || n, 'x', now(), now() from generate_series(1, $1::integer) n""",
        MOST_OPEN,
    )
    asides = Asides("alerts", HandClock())
    for number in range(3):
        await asides.add(conn, Unit("event", f"new {number}"), ValueError("x"))
    await asides.add(conn, Unit("event", "e7"), ValueError("x"))
    await asides.add(conn, Unit("event", "a fire", fire=True), ValueError("x"))
    rows = await conn.fetch(
        "select name, failures from set_aside where failures > 1 or name not like 'e%' order by name"
    )
    assert {row["name"]: row["failures"] for row in rows} == {MORE: 3, "a fire": 1, "e7": 2}
    await conn.execute("delete from set_aside where name <> $1", MORE)
    assert await Asides("alerts", HandClock()).refresh(conn, ("event",)) == [], "what it counts is not there any more"


async def test_units_of_some_kinds_are_tried_again_by_themselves_fires_first(conn: asyncpg.Connection) -> None:
    clock = HandClock()
    asides = Asides("alerts", clock)
    await asides.add(conn, Unit("event", "a fault"), ValueError("x"))
    await asides.add(conn, Unit("event", "a fire", fire=True, detail={"n": 1}), ValueError("x"))
    await asides.add(conn, Unit("alarm", "5"), ValueError("x"))
    assert await asides.refresh(conn, ("event",)) == []
    await clock.sleep(RETRY_AFTER.total_seconds())
    assert {row["name"] for row in await asides.refresh(conn, ("event",))} == {"a fault", "a fire"}
    await forget_old(conn, clock.now())
    assert await conn.fetchval("select count(*) from set_aside") == 3


async def test_what_is_tried_again_by_itself_does_not_wait_for_the_hour_before_the_clock_was_set_back(
    conn: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()
    asides = Asides("alerts", clock)
    await asides.add(conn, Unit("event", "e1"), ValueError("x"))
    assert await asides.refresh(conn, ("event",)) == []
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment - timedelta(hours=1))
    assert [row["name"] for row in await asides.refresh(conn, ("event",))] == ["e1"]
