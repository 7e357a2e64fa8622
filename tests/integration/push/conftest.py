"""`firetower push` over a database of the test, and subscribers that know nothing of us."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.core import db, lease
from services.core.city.cloudevent import Event, EventType
from services.core.city.outbox import write_events
from services.core.clock import SystemClock
from services.core.settings import PushSettings
from services.push.board import Board
from services.push.courier import Tools
from services.push.documents import Documents
from services.push.numbering import LEASE, Numbering
from services.push.recorder import Recorder
from services.push.trouble import TOLD_AFTER
from tests.support.county import AREA, County
from tests.support.servers import Program
from tests.support.subscriber import SECRET, Subscriber


@pytest.fixture
async def county(database: str) -> AsyncIterator[County]:
    county = await County.open(database)
    yield county
    await county.close()


@pytest.fixture
def push(program: Callable[..., Program], database: str) -> Iterator[Callable[..., Program]]:
    """Start `firetower push`; its log is shown at the end of a failed test."""
    made: list[Program] = []

    def start(**env: Any) -> Program:
        made.append(program("push", **{"DATABASE_URL": database, "SUBSCRIPTION_NETWORKS": "127.0.0.0/8", **env}))
        made[-1].wait_ready()
        return made[-1]

    yield start
    for one in made:
        sys.stdout.write(one.log_text())


DeliverHere = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
def deliver_here(database: str) -> DeliverHere:
    """What `firetower push` does for subscribers, in this process and with times of the test's own."""

    @asynccontextmanager
    async def run(timeout_s: float = 15.0, told_after: timedelta = TOLD_AFTER) -> AsyncIterator[None]:
        clock, owner = SystemClock(), uuid4()
        settings = PushSettings.model_validate(
            {"database_url": database, "subscription_networks": (ip_network("127.0.0.0/8"),)}
        )
        async with AsyncExitStack() as stack:
            pool = await db.create_pool(database, program="push.deliver", size=4)
            stack.callback(pool.terminate)

            async def connect() -> asyncpg.Connection:
                fresh = await db.connect(database, program="push", writer=True)
                stack.callback(fresh.terminate)
                return fresh

            conn = await connect()
            assert await lease.take(conn, LEASE, owner)
            recorder = Recorder(pool, clock)
            board = Board(Tools(pool, recorder, Documents(pool), clock, timeout_s, told_after), settings)
            numbering = Numbering(conn, owner, clock, board.fanned, board.look_at_all_again, connect)
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(one.run(), name="push") for one in (numbering, board, recorder)]
                yield
                for task in running:
                    task.cancel()

    return run


Subscribe = Callable[..., Awaitable[tuple[Subscriber, int]]]


@pytest.fixture
async def subscribe(county: County) -> AsyncIterator[Subscribe]:
    """A function that opens a subscriber and its subscription, and returns both."""
    async with AsyncExitStack() as stack:

        async def make(**fields: Any) -> tuple[Subscriber, int]:
            subscriber = await stack.enter_async_context(Subscriber())
            row = {
                "name": "platform", "url": subscriber.url, "types": ["*"], "areas": ["*"], "format": "cloudevents",
                "secret": SECRET, "created_by": "test",
            } | fields  # fmt: skip
            marks = ", ".join(f"${n}" for n in range(1, len(row) + 1))
            number = await county.conn.fetchval(
                f"insert into subscription ({', '.join(row)}) values ({marks}) returning id",  # noqa: S608 - our names
                *row.values(),
            )
            return subscriber, number

        yield make


@pytest.fixture
def tell(county: County) -> Callable[..., Awaitable[None]]:
    """A function that commits one event for each subject named, as the alarms' own transactions do."""

    async def write(*subjects: str, area: str | None = AREA, kind: EventType = EventType.UPDATED, **data: Any) -> None:
        now = datetime.now(UTC)
        async with county.conn.transaction():
            await write_events(county.conn, [Event(kind, subject, area, now, {"n": data}) for subject in subjects])

    return write
