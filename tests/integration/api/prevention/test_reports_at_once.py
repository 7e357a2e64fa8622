"""The monthly report when several ask for it at once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from services.api.request.shared_reads import Kept
from services.api.request.state import State
from services.core.clock import Clock
from tests.integration.api.conftest import Client, stand_still
from tests.integration.api.prevention.test_reports import report
from tests.support.waiting import eventually


async def test_who_waits_for_the_reading_of_another_gets_numbers_of_after_that(
    client: Client, visit: Callable[..., Client], state: State, connection: asyncpg.Connection
) -> None:
    made = await client.post("/api/v1/api-keys", json={"name": "another", "role": "administrator"})
    another = visit(made.json()["key"])
    asked = 0

    class Counted(Kept):
        async def anew(self, key: Hashable, seconds: float, clock: Clock, read: Callable[[], Awaitable[Any]]) -> Any:
            nonlocal asked
            asked += 1
            return await super().anew(key, seconds, clock, read)

    state.kept = Counted()
    async with connection.transaction():
        await connection.execute("LOCK TABLE alarm")
        first = asyncio.create_task(report(client, ""))
        await stand_still(connection)
        second = asyncio.create_task(report(another, ""))
        await eventually(lambda: asked == 2, what="another asks")
        released = datetime.now(UTC)
    await first
    found = await second
    assert datetime.fromisoformat(found["made_at"]) >= released - timedelta(milliseconds=1)  # it has whole ones
    assert found["until"] == found["made_at"]
