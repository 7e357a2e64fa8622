"""What holds up the risk of one site, or of all of them, and what holds up nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.alerts import risk
from services.alerts.risk import EVERY_S, Risks
from services.core import db
from services.core.clock import SystemClock
from tests.integration.alerts.test_site_risk import KEPT_DAYS, ago, find, points_of, risk_of, site_with, told
from tests.support.county import County
from tests.support.hand_clock import HandClock
from tests.support.waiting import eventually


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await db.create_pool(database, program="test", size=2)
    yield pool
    pool.terminate()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime.now(UTC))


@pytest.fixture
def risks(pool: asyncpg.Pool, clock: HandClock) -> Risks:
    return Risks(pool, clock, KEPT_DAYS)


@pytest.fixture
async def other(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's connection, whose locks stand in the way."""
    connection = await db.connect(database, program="test")
    yield connection
    await connection.close()


async def set_aside(county: County) -> dict[str, str]:
    rows = await county.conn.fetch("select name, error from set_aside where kind = 'risk' and done_at is null")
    return {row["name"]: row["error"] for row in rows}


async def sites_with_a_hazard(county: County, *names: str) -> list[int]:
    sites = [await site_with(county, name, (f"p-{name}", "panel")) for name in names]
    for site in sites:
        await find(county, site)
    return sites


async def test_a_site_that_fails_by_itself_is_set_aside_and_holds_up_no_other(county: County, risks: Risks) -> None:
    sites = [await site_with(county, name, (f"p-{name}", "panel")) for name in ("a", "b", "c")]
    for site in sites:
        await find(county, site)
    await county.conn.execute(f"alter table site_risk add constraint poison check (site_id <> {sites[1]} or score = 0)")
    await risks.take_turn()
    assert [(await risk_of(county, site))["score"] for site in sites] == [4, 0, 4]
    name = await county.conn.fetchval("select name from set_aside where kind = 'risk' and done_at is null")
    assert name == f"site:{sites[1]}"
    assert {one["subject"] for one in await told(county)} == {f"site:{sites[0]}", f"site:{sites[2]}"}


async def test_reasons_that_cannot_be_read_are_none_and_are_written_anew(
    county: County, risks: Risks, clock: HandClock
) -> None:
    until, spoiled = ago(days=-1), {}
    for number, reasons in enumerate(
        ([1], {"a": 1}, "x", 7, [[]], [{}], [{"code": "out_of_service"}], [{"code": "out_of_service", "since": 5}],
         [{"code": "out_of_service", "since": "gestern"}], [{"code": "out_of_service", "since": "2026-01-01T00:00:00"}])
    ):  # fmt: skip
        site = await site_with(county, f"s-{number}", (f"p-{number}", "panel"))
        spoiled[site] = reasons
        await county.conn.execute("update site_risk set reasons = $2 where site_id = $1", site, reasons)
    await county.conn.execute("update device set out_of_service_until = $1", until)
    await risks.take_turn()
    assert await set_aside(county) == {}
    for site in spoiled:
        assert await points_of(county, site) == {"out_of_service": (1, 2)}
        (reason,) = (await risk_of(county, site))["reasons"]
        assert datetime.fromisoformat(reason["since"]) - clock.now() < timedelta(seconds=1)


async def test_a_site_that_cannot_be_judged_is_set_aside_and_judged_when_it_can_be(
    county: County, risks: Risks, clock: HandClock
) -> None:
    sites = await sites_with_a_hazard(county, "a", "b", "c")
    await county.conn.execute("alter table hazard drop constraint hazard_grade_check")
    await county.conn.execute("update hazard set grade = 'of_another_release' where site_id = $1", sites[1])
    await risks.take_turn()
    assert [(await risk_of(county, site))["score"] for site in sites] == [4, 0, 4]
    ((name, error),) = (await set_aside(county)).items()
    assert (name, "hazard_of_another_release" in error) == (f"site:{sites[1]}", True)
    await county.conn.execute("update hazard set grade = 'major'")
    await clock.sleep(61)
    await risks.take_turn()
    assert [(await risk_of(county, site))["score"] for site in sites] == [15, 15, 15]
    assert await set_aside(county) == {}


async def test_a_row_that_somebody_holds_holds_up_that_site_alone_and_not_for_long(
    county: County, risks: Risks, clock: HandClock, other: asyncpg.Connection
) -> None:
    sites = await sites_with_a_hazard(county, "a", "b", "c")
    async with other.transaction():
        await other.execute("select from site_risk where site_id = $1 for update", sites[1])
        await risks.take_turn()
        assert [(await risk_of(county, site))["score"] for site in sites] == [4, 0, 4]
        assert list(await set_aside(county)) == [f"site:{sites[1]}"]
    await clock.sleep(EVERY_S)
    await risks.take_turn()
    assert (await risk_of(county, sites[1]))["score"] == 4
    assert await set_aside(county) == {}


async def test_a_new_day_that_cannot_be_begun_holds_up_no_score(
    county: County, risks: Risks, clock: HandClock, other: asyncpg.Connection
) -> None:
    (site,) = await sites_with_a_hazard(county, "a")
    held = await site_with(county, "b", ("p-b", "panel"))
    days = "select count(*) from site_risk_daily where site_id = $1"
    async with other.transaction():
        await other.execute("select from site where id = $1 for update", held)  # no line can name it
        await risks.take_turn()
        assert (await risk_of(county, site))["score"] == 4
        assert list(await set_aside(county)) == [risk.DAYS]
        assert await county.conn.fetchval(days, held) == 0
    await clock.sleep(EVERY_S)
    await risks.take_turn()
    assert await county.conn.fetchval(days, held) == 1
    assert await set_aside(county) == {}


async def test_two_programs_at_once_tell_subscribers_once(
    county: County, pool: asyncpg.Pool, other: asyncpg.Connection
) -> None:
    (site,) = await sites_with_a_hazard(county, "a")
    waiting = """select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'"""
    both = [asyncio.create_task(Risks(pool, SystemClock(), KEPT_DAYS).take_turn()) for _ in range(2)]

    async def two_wait() -> bool:
        return bool(await county.conn.fetchval(waiting) == len(both))

    async with other.transaction():
        await other.execute(risk.SQL["take_turn"])
        await other.execute("select from site_risk for update")
        await eventually(two_wait, what="both have judged the site, and wait")
    await asyncio.gather(*both)
    assert (await risk_of(county, site))["score"] == 4
    (event,) = await told(county)
    assert event["data"]["before"] == {"score": 0, "grade": "blue"}


async def test_what_an_outage_of_all_water_costs_grows_with_its_sites_and_not_with_their_square(
    county: County,
) -> None:
    async def outage(sites: int) -> int:
        """Lay all sources of so many sites dry; return how many rows the statement looked at."""
        await county.conn.execute("delete from device_state")
        for statement in (
            """insert into site (name, area, lon, lat)
               select 's', '140931100', 111 + n * 0.01, 39
               from generate_series((select count(*) from site) + 1, $1) n""",
            """insert into device (code, kind, area, site_id, lon, lat)
               select 'h-' || id || '-' || n, 'hydrant', area, id, lon, lat from site, generate_series(1, 2) n
               on conflict do nothing""",
        ):
            await county.conn.execute(statement, *([sites] if "$1" in statement else []))
        await county.conn.execute(
            "insert into device_state (device_id, last_seen, online) select id, now(), false from device"
        )
        await county.conn.execute("analyze")
        now = datetime.now(UTC)
        arguments = (now, now, now, now, 150.0, [], [], 30.0)
        (row,) = await county.conn.fetch(f"explain (analyze, timing off, format json) {risk.SQL['facts']}", *arguments)
        plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
        return looked_at(plan[0]["Plan"])

    few, many = await outage(50), await outage(200)
    assert many < 6 * few, (few, many)


def looked_at(plan: dict[str, Any]) -> int:
    """Return how many rows a plan and what stands below it handled."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)
    return int(own * plan["Actual Loops"]) + sum(looked_at(one) for one in plan.get("Plans", ()))
