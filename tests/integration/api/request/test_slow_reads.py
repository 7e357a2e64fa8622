"""A read that takes longer than reads may is ended, and the next one is answered."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.api.request.database import POOL_SIZES, Database
from services.api.request.state import State
from services.api.request.turns import Room
from services.core.clock import SystemClock
from services.core.settings import ApiSettings
from tests.integration.api.conftest import Client

READ_TIMEOUT_S = 3.0  # what stands still ends soon, and what a busy machine answers does not


@pytest.fixture
async def state(database: str) -> AsyncIterator[State]:
    """In the place of the usual one: reads have three seconds."""
    pools = await Database.open(database, read_timeout_s=READ_TIMEOUT_S)
    yield State(ApiSettings(database_url=database), pools, SystemClock())
    await pools.close()


async def test_a_page_whose_read_takes_too_long_says_so_and_is_answered_later(
    client: Client, connection: asyncpg.Connection
) -> None:
    async with connection.transaction():
        await connection.execute("lock table device in access exclusive mode")
        answer = await client.get("/api/v1/devices")
        assert answer.status_code == 503, answer.text
        assert answer.json()["type"].endswith("too_slow")
        assert answer.headers["retry-after"] == "5"
    assert (await client.get("/api/v1/devices")).status_code == 200


async def test_reads_that_were_ended_use_up_no_connection(state: State) -> None:
    await state.database.rows("select 1")
    slow = [state.database.rows("select pg_sleep(20)") for _ in range(POOL_SIZES[Room.DESK])]
    for end in await asyncio.gather(*slow, return_exceptions=True):
        assert isinstance(end, asyncpg.QueryCanceledError | TimeoutError), end
    answers = await asyncio.gather(*[state.database.rows("select 1 as one") for _ in range(POOL_SIZES[Room.DESK])])
    assert answers == [[{"one": 1}]] * POOL_SIZES[Room.DESK]
