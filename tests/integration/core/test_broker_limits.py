"""A broker may come back with other limits: what it does not take any more is refused here, and the rest goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

import stack.mosquitto
from services.core.errors import BadSetting
from services.core.mqtt import PublishRefused, Session, SessionConfig
from stack.mosquitto import BrokerLimits
from tests.support.broker_fleet import event, fleet_of, topic, wait_for
from tests.support.servers import Broker
from tests.support.tcp import TcpServer
from tests.support.waiting import eventually

Restart = Callable[..., None]


@pytest.fixture
def restart(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Restart:
    """Start the broker again with these lines of its configuration in place of ours."""
    usual = stack.mosquitto.broker_settings

    def again(*lines: str) -> None:
        names = {line.split()[0] for line in lines}

        def settings(limits: BrokerLimits) -> list[str]:
            return [line for line in usual(limits) if line.split()[0] not in names] + list(lines)

        monkeypatch.setattr(stack.mosquitto, "broker_settings", settings)
        broker.start()

    return again


@asynccontextmanager
async def session_of(broker: Broker) -> AsyncIterator[Session]:
    session = Session(SessionConfig.from_url(urlsplit(broker.fleet_url), "test.limits"))
    running = asyncio.create_task(session.run())
    await session.ready()
    yield session
    await session.stop()
    await running


async def test_what_is_larger_than_the_broker_takes_now_is_refused_and_the_rest_goes_on(
    broker: Broker, restart: Restart
) -> None:
    async with session_of(broker) as session:
        small, large = topic("P1", "up/event", "panel"), topic("P2", "up/event", "panel")
        broker.kill()
        sent = session.submit(large, b"x" * 30_000)  # the connection does not know yet, or has it in its hands
        await eventually(lambda: not session.connected, what="the connection lost")
        waiting = session.submit(large, b"x" * 40_000)
        follows = session.submit(small, b"{}")
        restart("max_packet_size 20000")
        await asyncio.wait_for(follows, 30)
        for refused in (sent, waiting, session.submit(large, b"x" * 20_000)):
            with pytest.raises(PublishRefused, match="raise max_packet_size"):
                await refused
        await session.publish(small, b"x" * (20_000 - 200))
        broker.kill()
        await eventually(lambda: not session.connected, what="the connection lost")
        restart()
        await session.publish(large, b"x" * 40_000)


async def test_where_a_broker_keeps_nothing_a_message_to_keep_is_sent_all_the_same(
    broker: Broker, restart: Restart
) -> None:
    async with session_of(broker) as session:
        broker.kill()
        sent = session.submit(topic("P1", "up/status", "panel"), b"{}", retain=True)
        await eventually(lambda: not session.connected, what="the connection lost")
        restart("retain_available false")
        await asyncio.wait_for(sent, 30)
        await asyncio.wait_for(session.publish(topic("P1", "up/status", "panel"), b"{}", retain=True), 30)


class Strict:
    """A broker that answers nothing at first; when asked again it takes five publishes at a time and no more."""

    def __init__(self) -> None:
        self.most = 0  # that came at once
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        first = self.connections == 1
        await reader.read(100)  # CONNECT
        writer.write(b"\x20\x03\x00\x00\x00" if first else b"\x20\x06\x01\x00\x03\x21\x00\x05")
        rest = b""
        while data := await reader.read(65_536):
            rest += data
            ids = []
            while len(rest) > 1 and len(rest) >= 2 + rest[1]:
                head, packet, rest = rest[0], rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
                if head & 0xF0 == 0x30:  # PUBLISH
                    ids.append(packet[2 + packet[1] : 4 + packet[1]])
            if first and b"last" in data:
                return
            if not first:
                self.most = max(self.most, len(ids))
                writer.write(b"".join(b"\x40\x02" + packet_id for packet_id in ids))


async def test_what_is_sent_again_keeps_to_the_smaller_window_of_the_new_connection() -> None:
    strict = Strict()
    async with TcpServer(strict.serve) as server:
        session = Session(SessionConfig.from_url(urlsplit(f"mqtt://127.0.0.1:{server.port}"), "test.limits"))
        running = asyncio.create_task(session.run())
        sent = [session.submit("a", b"x") for _ in range(99)] + [session.submit("a", b"last")]
        await asyncio.wait_for(asyncio.gather(*sent), 30)
        assert (strict.connections, strict.most) == (2, 5)
        await session.stop()
        await running


async def test_a_broker_without_qos_1_is_named_with_the_cure() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)  # CONNECT
        writer.write(b"\x20\x05\x00\x00\x02\x24\x00")  # CONNACK with Maximum QoS 0
        await reader.read()

    async with TcpServer(serve) as server:
        url = urlsplit(f"mqtt://127.0.0.1:{server.port}")
        session = Session(SessionConfig.from_url(url, "test.limits"))
        with pytest.raises(BadSetting, match="raise max_qos"):
            await asyncio.wait_for(session.run(), 30)


async def test_a_device_learns_of_thousands_of_events_through_a_broker_with_smaller_packets(
    broker: Broker, restart: Restart, program: Callable[..., object], database: str
) -> None:
    broker.kill()
    restart("max_packet_size 20000")
    program("ingest", DATABASE_URL=database, MQTT_URL=broker.url).wait_ready()  # type: ignore[attr-defined]
    async with fleet_of(broker.fleet_url) as fleet:
        names = [f"e{number}-" + "x" * 900 for number in range(40)]
        lists = [[event(name) for name in names[start : start + 10]] for start in range(0, 40, 10)]
        short = [{"type": "test", "n": number} for number in range(600)]
        for body in (*lists, short):
            await fleet.send(topic("P1", "up/event", "panel"), body)
        await wait_for(lambda: len(set(fleet.acked_ids("P1"))) == 640, what="every id")
