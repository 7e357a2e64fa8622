"""The report of a month that is over: what came later changes nothing of it."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from tests.integration.api.conftest import Client, Raise
from tests.integration.api.prevention.test_reports import END, MONTH, fire, report


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
