"""A township and its county on this machine: two databases, two brokers, an ingest each, the county's API, a relay."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from stack.children import free_port
from tests.support.broker_fleet import AREA, Fleet, Rows, fleet_of, rows_of
from tests.support.servers import Broker, PostgresServer, Program
from tests.support.waiting import PATIENCE_S

Start = Callable[..., Program]


@dataclass
class Side:
    """One system: its servers, its ingest, its devices and its rows."""

    dsn: str
    broker: Broker
    ingest: Program
    fleet: Fleet
    rows: Rows


@dataclass
class County(Side):
    """The county, with its API and the link to the township."""

    api: Program
    url: str
    http: httpx2.AsyncClient
    link: dict[str, Any]


@pytest.fixture
def dsns(postgres: PostgresServer) -> Iterator[tuple[str, str]]:
    made = postgres.create_database(), postgres.create_database_with_admin()
    yield made
    if postgres.is_running():
        for dsn in made:
            postgres.drop_database(dsn)


@pytest.fixture
async def township(dsns: tuple[str, str], private_broker: Callable[..., Broker], program: Start) -> AsyncIterator[Side]:
    broker = private_broker()
    ingest = program("ingest", DATABASE_URL=dsns[0], MQTT_URL=broker.url)
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(fleet_of(broker.fleet_url))
        rows = await stack.enter_async_context(rows_of(dsns[0]))
        ingest.wait_ready()
        yield Side(dsns[0], broker, ingest, fleet, rows)


@pytest.fixture
async def county(
    dsns: tuple[str, str], private_broker: Callable[..., Broker], program: Start, postgres: PostgresServer
) -> AsyncIterator[County]:
    broker, port = private_broker(), free_port()
    ingest = program("ingest", DATABASE_URL=dsns[1], MQTT_URL=broker.url)
    api = program(
        "api", DATABASE_URL=dsns[1], MQTT_URL=broker.provisioner_url, API_PORT=port,
        DEVICE_MQTT_URL=f"mqtt://127.0.0.1:{broker.port}",
    )  # fmt: skip
    url, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {postgres.first_admin.api_key}"}
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(fleet_of(broker.fleet_url))
        rows = await stack.enter_async_context(rows_of(dsns[1]))
        http = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S, trust_env=False)
        )
        ingest.wait_ready()
        api.wait_ready()
        made = await http.post("/api/v1/townships", json={"name": "dongguan", "areas": [AREA]})
        assert made.status_code == 201, made.text
        yield County(dsns[1], broker, ingest, fleet, rows, api, url, http, made.json())


@pytest.fixture
def relay(township: Side, county: County, program: Start) -> Callable[..., Program]:
    """A function that starts the relay; ports of proxies may stand in for the broker's and the API's."""

    def start(mqtt_port: int | None = None, api_port: int | None = None, **env: Any) -> Program:
        broker, api = urlsplit(county.link["mqtt_url"]), urlsplit(county.url)
        account = f"{broker.username}:{broker.password}"
        settings = {
            "DATABASE_URL": township.dsn,
            "RELAY_MQTT_URL": f"mqtt://{account}@127.0.0.1:{mqtt_port or broker.port}",
            "RELAY_API_URL": f"http://127.0.0.1:{api_port or api.port}",
            "RELAY_API_KEY": county.link["api_key"],
            "RELAY_AREAS": AREA,
        }
        made = program("relay", **(settings | env))
        made.wait_ready()
        return made

    return start
