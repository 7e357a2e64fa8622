"""Publishes prepared packets over a few raw connections, at a given rate or as fast as the broker acknowledges.

Called by `bench.ingest`, `bench.limits` and `bench.alarm` (as background). Promises: QoS 1, a bounded window of
unacknowledged messages per connection; `ts` is the moment a message is handed to the socket.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from bench.packets import PreparedPublish, connect_packet, read_acks

WINDOW = 2000  # unacknowledged messages per connection
CHUNK = 64  # messages per write
PACE_S = 0.005
ACK_PAUSE_S = 0.005  # acknowledgements are gathered this long: a thousand devices would not wake one machine for each
CONNECT_TIMEOUT_S = 10.0
STALL_TIMEOUT_S = 30.0


class LoadFailed(Exception):
    """The broker refused or closed a connection of the load generator."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The broker and the account to publish with."""

    host: str
    port: int
    username: str
    password: str


@dataclass(slots=True)
class Load:
    """What was published."""

    published: int = 0
    acknowledged: int = 0
    refused: int = 0
    first_s: float = 0.0  # wall clock
    last_s: float = 0.0
    last_ack_s: float = 0.0
    worst_lag_s: float = 0.0  # behind the schedule, when there is a rate


class _Connection(asyncio.Protocol):
    """One raw connection; counts acknowledgements and says when there is room."""

    def __init__(self, client_id: str, endpoint: Endpoint, load: Load, age_s: float) -> None:
        self.in_flight = 0
        self.packet_id = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.room = asyncio.Event()
        self.failed = False
        self._hello = connect_packet(client_id, endpoint.username, endpoint.password)
        self._load = load
        self._age_s = age_s
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its base class
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.ready.done():
            if len(self._buffer) < 4:
                return
            if self._buffer[0] != 0x20 or self._buffer[3] != 0:
                self.ready.set_exception(LoadFailed(f"the broker answered CONNECT with reason {self._buffer[3]:#x}"))
                return
            self.ready.set_result(None)
        if self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(ACK_PAUSE_S, self._read_on)
        good, bad, _other = read_acks(self._buffer)
        if good or bad:
            self._load.acknowledged += good
            self._load.refused += bad
            self._load.last_ack_s = time.time()
            self.in_flight -= good + bad
            self._tell()

    def _read_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.failed = True
        if not self.ready.done():
            self.ready.set_exception(LoadFailed(f"the broker closed the connection: {exc}"))
        self.room.set()

    def pause_writing(self) -> None:
        self._writable = False
        self.room.clear()

    def resume_writing(self) -> None:
        self._writable = True
        self._tell()

    def _tell(self) -> None:
        if self._writable and self.in_flight <= WINDOW - CHUNK:
            self.room.set()

    def send(self, messages: Sequence[PreparedPublish]) -> None:
        """Stamp and write up to CHUNK messages."""
        now_s = time.time()
        digits = b"%d" % int((now_s - self._age_s) * 1000)
        out = bytearray()
        packet_id = self.packet_id
        for message in messages:
            packet_id = packet_id % 65_535 + 1
            out += message.stamp(packet_id, digits)
        self.packet_id = packet_id
        self.in_flight += len(messages)
        self._load.published += len(messages)
        self._load.last_s = now_s
        if self.in_flight > WINDOW - CHUNK:
            self.room.clear()
        if self._transport is not None:
            self._transport.write(out)

    def close(self) -> None:
        """Say goodbye."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"\xe0\x00")
            self._transport.close()


async def publish(
    endpoint: Endpoint,
    messages: Sequence[PreparedPublish],
    *,
    seconds: float | None = None,
    count: int | None = None,
    rate: float | None = None,
    connections: int = 4,
    age_s: float = 0.0,
) -> Load:
    """Publish the messages in turn, for `seconds` or `count` of them; wait for every PUBACK.

    Their `ts` lies `age_s` before the moment they are handed to the socket.

    Raises:
        LoadFailed: a connection was refused or lost.
        TimeoutError: the broker stopped acknowledging for 30 s.
    """
    load = Load()
    loop = asyncio.get_running_loop()
    links: list[_Connection] = []
    for _ in range(connections):
        client_id = f"firetower.bench.{secrets.token_hex(6)}"
        _, link = await loop.create_connection(
            lambda client_id=client_id: _Connection(client_id, endpoint, load, age_s),  # type: ignore[misc]
            endpoint.host,
            endpoint.port,
        )
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await link.ready
        link.room.set()
        links.append(link)
    try:
        load.first_s = time.time()
        await send_all(links, messages, load, seconds=seconds, count=count, rate=rate)
        while load.acknowledged + load.refused < load.published:
            before = load.acknowledged
            await asyncio.sleep(0.02)
            _check(links)
            if load.acknowledged == before and time.time() - max(load.last_ack_s, load.last_s) > STALL_TIMEOUT_S:
                raise TimeoutError(
                    f"{load.published - load.acknowledged} messages without PUBACK for {STALL_TIMEOUT_S:g} s"
                )
    finally:
        for link in links:
            link.close()
    return load


def _check(links: Sequence[_Connection]) -> None:
    if any(link.failed for link in links):
        raise LoadFailed("a connection of the load generator was lost")


async def send_all(
    links: Sequence[_Connection],
    messages: Sequence[PreparedPublish],
    load: Load,
    *,
    seconds: float | None,
    count: int | None,
    rate: float | None,
) -> None:
    """Send in turns over the links for so many seconds, or until `count` messages are out, at most `rate` a second."""
    started = time.monotonic()
    position = turn = 0
    total = len(messages)
    while True:
        elapsed = time.monotonic() - started
        if seconds is not None and elapsed >= seconds:
            return
        allowed = int(elapsed * rate) + 1 - load.published if rate is not None else CHUNK  # the first goes at once
        if count is not None:
            allowed = min(allowed, count - load.published)
            if load.published >= count:
                return
        if allowed <= 0:
            await asyncio.sleep(PACE_S)
            continue
        if rate is not None:
            load.worst_lag_s = max(load.worst_lag_s, (allowed - 1) / rate - 2 * PACE_S)
        link = links[turn % len(links)]
        turn += 1
        if not link.room.is_set():
            async with asyncio.timeout(STALL_TIMEOUT_S):
                await link.room.wait()
            _check(links)
        size = min(CHUNK, allowed, total - position)
        link.send(messages[position : position + size])
        position = (position + size) % total
        if rate is None or turn % len(links) == 0:
            await asyncio.sleep(0)
