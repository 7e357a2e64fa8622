"""The database away, and a flood past the queue limit: what must hold, and what must be said aloud."""

import asyncio
import signal
from collections.abc import Callable

import asyncpg
import psutil
import pytest

from bench.load import prepare
from bench.publisher import Endpoint, publish
from services.core import db
from services.core.clock import SystemClock
from stack.children import free_port
from stack.mosquitto import BrokerLimits
from stack.programs import scraped
from tests.faults.chaos.books import stored_events, stored_readings
from tests.faults.chaos.crowd import Crowd
from tests.support.servers import Broker, PostgresServer, Program
from tests.support.waiting import PATIENCE_S, eventually


async def database_away(
    seconds: float, *, dsn: str, postgres: PostgresServer, broker: Broker, program: Callable[..., Program]
) -> None:
    """Take the database away under load; the connection lives, nothing is acknowledged, everything catches up."""
    ingest = program("ingest", DATABASE_URL=dsn, MQTT_URL=broker.url)
    ingest.wait_ready()
    crowd = Crowd("AWAY", broker.fleet_url, SystemClock().monotonic(), devices=50, rate=300, events_per_s=5)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        link = tasks.create_task(crowd.link.run())
        publishing = tasks.create_task(crowd.publish(stop))
        await eventually(lambda: len(crowd.books.events_acked) > 5, what="events acknowledged before")
        connections = broker_connections(broker)
        postgres.kill()
        sent = set(crowd.books.events_sent)  # what was committed just before may still be acknowledged
        await asyncio.sleep(1)
        readings = len(crowd.books.acked)
        await asyncio.sleep(seconds)
        assert crowd.books.events_sent > sent
        assert crowd.books.events_acked <= sent, "acknowledged without a database"
        assert len(crowd.books.acked) > readings, "the broker has to take readings meanwhile"
        assert ingest.process.poll() is None
        assert broker_connections(broker) == connections, "the MQTT connection has to outlive the database"
        postgres.start()
        stop.set()
        await publishing
        await eventually(lambda: crowd.settled, what="every event acknowledged", timeout_s=PATIENCE_S + seconds)
        connection = await db.connect(dsn, program="test", statement_timeout_s=60)
        await eventually(
            lambda: _all_stored(connection, crowd), what="every reading stored", timeout_s=PATIENCE_S + seconds
        )
        assert all(times == 1 for times in (await stored_readings(connection, crowd.prefix)).values())
        events = await stored_events(connection, crowd.prefix)
        assert set(events.values()) == {1}
        assert events.keys() >= crowd.books.events_acked
        await connection.close()
        await crowd.link.stop()
        await link


async def _all_stored(connection: asyncpg.Connection, crowd: Crowd) -> bool:
    return (await stored_readings(connection, crowd.prefix)).keys() >= crowd.books.acked.keys()


def broker_connections(broker: Broker) -> set[tuple[str, int]]:
    """Return the far ends of the broker's established connections."""
    found = psutil.Process(broker.pid).net_connections("tcp")
    return {(one.raddr.ip, one.raddr.port) for one in found if one.raddr and one.status == psutil.CONN_ESTABLISHED}


async def test_a_database_away_for_seconds_costs_nothing(
    database: str, postgres: PostgresServer, broker: Broker, program: Callable[..., Program]
) -> None:
    await database_away(8, dsn=database, postgres=postgres, broker=broker, program=program)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
async def test_a_database_away_for_ten_minutes_costs_nothing(
    database: str, postgres: PostgresServer, broker: Broker, program: Callable[..., Program]
) -> None:
    await database_away(600, dsn=database, postgres=postgres, broker=broker, program=program)


async def test_a_flood_past_the_queue_limit_is_bounded_counted_and_told(
    database: str, private_broker: Callable[..., Broker], program: Callable[..., Program]
) -> None:
    limit_bytes = 2 * 2**20
    # while a subscriber is connected, the broker queues what may be in flight on top of the queue's limit
    broker = private_broker(BrokerLimits(queue_bytes=limit_bytes, inflight_bytes=limit_bytes))
    metrics_port = free_port()
    ingest = program("ingest", DATABASE_URL=database, MQTT_URL=broker.url, METRICS_PORT=metrics_port)
    ingest.wait_ready()
    ingest.process.send_signal(signal.SIGSTOP)  # nobody takes from the queue
    memory_before = psutil.Process(broker.pid).memory_info().rss
    endpoint = Endpoint(broker.host, broker.port, broker.fleet.username, broker.fleet.password)
    load = await publish(endpoint, prepare(200, "FLOOD-"), count=60_000)
    assert load.acknowledged + load.refused == 60_000
    grown = psutil.Process(broker.pid).memory_info().rss - memory_before
    assert grown < 40 * limit_bytes, f"{grown / 2**20:.0f} MiB more for a queue of {limit_bytes / 2**20:.0f} MiB"
    ingest.process.send_signal(signal.SIGCONT)
    connection = await db.connect(database, program="test")

    async def told() -> bool:
        return bool(await connection.fetchval("select max(broker_dropped) from ingest_lane where lane = 'telemetry'"))

    def counted() -> bool:
        return any(
            one.name == "firetower_broker_dropped_messages" and one.value > 0
            for one in scraped(f"http://127.0.0.1:{metrics_port}/metrics")
        )

    await eventually(told, what="the drop counter in ingest_lane")
    await eventually(counted, what="the same in the metrics")
    await connection.close()
