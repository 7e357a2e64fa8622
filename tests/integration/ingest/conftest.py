from collections.abc import AsyncIterator

import pytest

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
