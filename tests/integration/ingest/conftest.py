import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.core import db
from services.ingest import lease
from services.ingest.store import Store
from tests.support.broker_fleet import Fleet, Rows, fleet_of, rows_of


@pytest.fixture
def ingest(program, database, broker):
    running = program("ingest", DATABASE_URL=database, MQTT_URL=broker.url, LOG_LEVEL="debug")
    running.wait_ready()
    return running


@pytest.fixture
async def fleet(broker) -> AsyncIterator[Fleet]:
    async with fleet_of(broker.fleet_url) as one:
        yield one


@pytest.fixture
async def rows(database) -> AsyncIterator[Rows]:
    async with rows_of(database) as one:
        yield one


@pytest.fixture
async def connection(database) -> AsyncIterator[asyncpg.Connection]:
    one = await db.connect(database, program="test")
    yield one
    await one.close()


@pytest.fixture
async def stores(connection) -> dict[str, Store]:
    """Both lanes' write sides."""
    both = {lane: Store(writer=lane, lane=lane, lease=lane, owner=str(uuid.uuid4())) for lane in ("telemetry", "event")}
    for lane, store in both.items():
        await lease.take(connection, lane, store.owner)
    return both
