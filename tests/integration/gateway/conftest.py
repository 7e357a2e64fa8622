"""The gateway between a panel of ours and a stand-in for ingest, on a real broker and a real database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest

from services.core.mqtt import Delivery, Session, SessionConfig
from stack.children import free_port
from tests.integration.gateway.dialling import PanelSocket
from tests.support.waiting import PATIENCE_S


class Store:
    """Takes what the gateway publishes and acknowledges events, as ingest does after its commit; can hold acks back."""

    def __init__(self, url: str) -> None:
        self.events: list[dict] = []
        self.readings: list[tuple[str, dict]] = []
        self.statuses: list[tuple[str, dict]] = []
        self.payloads: list[bytes] = []
        self.identities: set[tuple] = set()
        self.acked: list[str] = []
        self._held: list[Delivery] | None = None
        config = SessionConfig.from_url(
            urlsplit(url), "firetower.test.store", filters=("fire/v1/+/+/+/up/#",), receive_maximum=2000
        )
        self.session = Session(config, on_delivery=self._take)

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for delivery in held:
            self._ack(delivery)

    def _take(self, delivery: Delivery) -> None:
        self.session.ack([delivery])
        _, _, _, _, code, _, channel = delivery.topic.split("/")
        body = orjson.loads(delivery.payload)
        bodies = body if isinstance(body, list) else [body]
        if channel == "telemetry":
            self.readings += [(code, one) for one in bodies]
        elif channel == "status":
            self.statuses.append((code, body))
        else:
            self.payloads.append(delivery.payload)
            for one in bodies:
                identity = (one["event_id"], one["ts"], one["type"], one.get("active", True), one.get("component", ""))
                if identity not in self.identities:
                    self.identities.add(identity)
                    self.events.append(one | {"device": code, "topic": delivery.topic})
            if self._held is None:
                self._ack(delivery)
            else:
                self._held.append(delivery)

    def _ack(self, delivery: Delivery) -> None:
        body = orjson.loads(delivery.payload)
        ids = [one["event_id"] for one in (body if isinstance(body, list) else [body])]
        self.acked += ids
        topic = delivery.topic.replace("/up/event", "/down/ack")
        self.session.submit(topic, orjson.dumps({"event_ids": ids}))

    def of(self, kind: str) -> list[dict]:
        return [event for event in self.events if event["type"] == kind]


async def until(condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(0.01)


@pytest.fixture
async def store(broker) -> AsyncIterator[Store]:
    made = Store(broker.url)
    task = asyncio.create_task(made.session.run(), name="stand-in for ingest")
    await made.session.ready()
    yield made
    await made.session.stop()
    await task


@pytest.fixture
def gateway_port() -> int:
    return free_port()


@pytest.fixture
def metrics_port() -> int:
    return free_port()


@pytest.fixture
def bare_gateway(program, database, broker, store, gateway_port, metrics_port):  # noqa: PLR0917 - fixtures
    """A gateway in which units of work may fail."""
    started = program(
        "gateway", DATABASE_URL=database, MQTT_URL=broker.url, GATEWAY_PORT=gateway_port, METRICS_PORT=metrics_port
    )
    started.wait_ready()
    yield started
    if started.process.poll() is None:
        assert started.stop() == 0, started.log_text()


@pytest.fixture
def gateway(bare_gateway):
    yield bare_gateway
    lines = bare_gateway.log_text().splitlines()
    broken = [line for line in lines if "unit_failed" in line or ("Traceback" in line and '"warning"' not in line)]
    assert not broken, bare_gateway.log_text()  # a library may warn with a traceback that it will try again


@pytest.fixture
def whole(program, database, broker, gateway_port):
    """Ingest, alerts and gateway."""
    running = [
        program("ingest", DATABASE_URL=database, MQTT_URL=broker.url),
        program("alerts", DATABASE_URL=database),
        program("gateway", DATABASE_URL=database, MQTT_URL=broker.url, GATEWAY_PORT=gateway_port),
    ]
    for one in running:
        one.wait_ready()
    return running


@pytest.fixture
async def dial(gateway_port) -> AsyncIterator[Callable[..., Awaitable[PanelSocket]]]:
    made: list[PanelSocket] = []

    async def connect(number: int = 1, port: int | None = None) -> PanelSocket:
        made.append(await PanelSocket.dial(port or gateway_port, number))
        return made[-1]

    yield connect
    for one in made:
        with contextlib.suppress(OSError):
            await one.close()


@pytest.fixture
async def db(database):
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()
