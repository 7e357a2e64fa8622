"""The report of a month that is over: what came later changes nothing of it, nor what was before on the same row."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from services.api.prevention.report_data import Month, read_report
from services.api.request.database import Inside
from services.api.request.scope import Scope
from services.api.request.state import State
from services.core.clock import COUNTY
from services.core.words import Severity
from tests.integration.api.conftest import AREA, Client, Raise
from tests.integration.api.prevention.test_reports import BEGIN, END, MONTH, Register, fire, report
from tests.support.stepped import Stepped

NEXT = "2026-04"
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


async def read(connection: asyncpg.Connection, name: str = MONTH) -> dict[str, Any]:
    """Return the report as it is read anew: the API keeps its answer for half a minute."""
    month = Month.of(name, datetime.now(UTC))
    assert month is not None
    return await read_report(Inside(connection), Scope(("*",)), month, month.until)


async def stepped(connection: asyncpg.Connection, made: dict[str, Any], site: int | None = None) -> Stepped:
    await connection.execute("update device set created_at = $1 where id = $2", BEGIN - 90 * DAY, made["id"])
    return Stepped(connection, made["code"], made["id"], AREA, site)


async def test_how_fast_119_was_told_in_a_month_that_is_over_is_read_the_same_whenever_it_is_asked(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    alarm = await fire(open_alarm, END - timedelta(minutes=1), "pending", 1)
    second = timedelta(seconds=1)

    async def tell(number: int, state: str, created_at: datetime, delivered_at: datetime | None = None) -> None:
        await connection.execute(
            """insert into notice (id, alarm_id, number, type, fire, body, state, due_at, created_at, delivered_at)
               values (gen_random_uuid(), $1, $2, 'fire.confirmed', true, '{}', $3, $4, $4, $5)""",
            alarm, number, state, created_at, delivered_at,
        )  # fmt: skip

    async def clock(query: str) -> dict[str, Any]:
        found = (await report(client, query))["clocks"]
        return next(one for one in found if one["name"] == "confirmation_to_dispatch")

    await tell(1, "delivered", END - 60 * second, END - 59 * second)
    await tell(2, "dead", END - 20 * second)
    await tell(3, "waiting", END - 20 * second)
    await tell(4, "withdrawn", END - 20 * second)  # the county tells 119
    before = await clock(f"month={MONTH}")
    assert (before["count"], before["breaches"], before["p50_s"]) == (3, 2, 20)
    await connection.execute("update notice set state = 'delivered', delivered_at = now() where number = 3")
    assert await clock(f"month={MONTH}&area=140931") == before  # not the answer that is kept some seconds


async def test_what_is_not_kept_for_all_of_a_month_is_not_told_of_it(
    client: Client, connection: asyncpg.Connection, state: State
) -> None:
    now = datetime.now(COUNTY)
    first = (now.replace(day=1) - DAY).replace(day=1)  # of the month before
    before = (first - DAY).replace(day=1)

    def keep(days: int) -> None:
        state.settings = state.settings.model_copy(update={"retention_days": days})

    async def clocks(month: datetime) -> set[str]:
        return {one["name"] for one in (await report(client, f"month={month:%Y-%m}"))["clocks"]}

    assert "event_to_commit" in await clocks(now)
    assert await clocks(before) == {"report_to_visible", "confirmation_to_dispatch", "verification"}
    keep(days=(now - before).days - 3)  # its first days are gone
    cut = await report(client, f"month={before:%Y-%m}&area=140931")
    assert before.isoformat() < cut["kept_since"] < first.isoformat()
    page = await client.get(f"/api/v1/reports/monthly.html?month={before:%Y-%m}&area=140931")
    assert "不完整" in page.text
    keep(days=(now - first).days - 1)
    gone = await client.get(f"/api/v1/reports/monthly?month={before:%Y-%m}")
    assert (gone.status_code, gone.json()["errors"][0]["field"]) == (422, "month")


async def test_an_outage_that_came_back_unacknowledged_is_away_in_either_month_for_as_long_as_it_lasted(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    hydrant = await stepped(connection, await register("h-1"))
    for begin, end in ((BEGIN + DAY, BEGIN + DAY + HOUR), (END - 2 * HOUR, END - HOUR)):
        await hydrant.condition("device_offline", begin)
        await hydrant.condition("device_offline", end, active=False)
    before = await read(connection)
    assert [(one["times"], one["away_s"]) for one in before["devices"][:1]] == [(2, 2 * 3600)]
    assert [one["total"] for one in before["alarms"] if one["category"] == "device"] == [1], "one that flaps is one"
    await hydrant.condition("device_offline", END + 28 * DAY, severity=Severity.MAJOR)
    await hydrant.condition("device_offline", END + 28 * DAY + HOUR, active=False)
    assert await read(connection) == before
    after = await read(connection, NEXT)
    assert [(one["times"], one["away_s"]) for one in after["devices"][:1]] == [(1, 3600)]
    assert [(one["total"], one["major"]) for one in after["alarms"] if one["category"] == "device"] == [(1, 1)]


async def test_a_fire_on_the_row_of_one_that_nobody_closed_is_a_fire_of_its_own_month(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    site = int((await client.post("/api/v1/sites", json={"name": "学校", "area": AREA})).json()["id"])
    for day in (BEGIN, END):
        await connection.execute(
            "insert into site_risk_daily values ($1, $2, 9, 'blue', 9, 'blue', 0)", site, day.date()
        )
    panel = await stepped(connection, await register("p-1", kind="panel"), site)
    await panel.fire(BEGIN + DAY)
    await panel.fire(BEGIN + DAY + MINUTE, active=False)
    await panel.fire(BEGIN + DAY + 2 * MINUTE)  # the same fire
    await panel.fire(BEGIN + DAY + 3 * MINUTE, active=False)
    before = await read(connection)
    await panel.fire(END + DAY)
    await panel.judge(END + DAY + 2 * MINUTE, "real")
    assert await connection.fetchval("select count(*) from alarm") == 1
    assert await read(connection) == before
    shown = [_fires(before), _fires(await read(connection, NEXT))]
    assert [(one["fires"], one["real"], one["pending"]) for one in shown] == [(1, 0, 1), (1, 1, 0)]
    for month, fires in ((MONTH, 0), (NEXT, 1)):
        found = await read(connection, month)
        assert found["alarms"][0]["verdicts"]["real"] == fires
        assert (found["worst"][0]["alarms"], found["worst"][0]["real_fires"]) == (1, fires)
    clocks = {one["name"]: one for one in (await read(connection, NEXT))["clocks"]}
    assert (clocks["verification"]["count"], clocks["verification"]["p50_s"]) == (1, 120)
    assert {one["name"]: one["count"] for one in before["clocks"]}["verification"] == 0


async def test_the_verdict_on_a_fire_stays_its_own_when_another_begins_on_its_row(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    site = int((await client.post("/api/v1/sites", json={"name": "学校", "area": AREA})).json()["id"])
    panel = await stepped(connection, await register("p-1", kind="panel"), site)
    await panel.fire(BEGIN + DAY)
    await panel.judge(BEGIN + DAY + MINUTE, "real")  # stays open while the panel says so
    before = await read(connection)
    await panel.fire(BEGIN + 2 * DAY)
    await panel.judge(BEGIN + 2 * DAY + 2 * MINUTE, "false")
    after = await read(connection)
    assert [(one["real"], one["false"]) for one in (_fires(before), _fires(after))] == [(1, 0), (1, 1)]
    clock = next(one for one in after["clocks"] if one["name"] == "verification")
    assert (clock["count"], clock["p50_s"], clock["breaches"]) == (2, 90, 0)


def _fires(found: dict[str, Any]) -> dict[str, Any]:
    (of_site,) = found["false_alarms"]
    return dict(of_site)
