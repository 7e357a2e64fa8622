import pytest

from tests.integration.ingest.conftest import fleet, rows

__all__ = ["fleet", "rows"]


@pytest.fixture
def start_ingest(program, database, broker):
    """Start one ingest process; keyword arguments add to its environment."""

    def start(**env):
        return program("ingest", **{"DATABASE_URL": database, "MQTT_URL": broker.url, **env})

    return start


@pytest.fixture
def ingest(start_ingest):
    running = start_ingest()
    running.wait_ready()
    return running


@pytest.fixture
async def line(wire, postgres):
    """A breakable wire to the database."""
    return await wire(postgres.port)


@pytest.fixture
def wired_database(database, postgres, line) -> str:
    return database.replace(f":{postgres.port}/", f":{line.port}/")


@pytest.fixture
async def wired_broker(wire, broker):
    """The broker's address through a breakable wire, and the wire."""
    line = await wire(broker.services_port)
    return broker.url.replace(f":{broker.services_port}", f":{line.port}"), line
