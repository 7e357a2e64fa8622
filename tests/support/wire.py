"""A TCP proxy in this process that breaks connections on demand. Used through the `wire` fixture.

Put it between any two parts: connect to `wire.port` instead of the server's port, then call a verb.
"""

import asyncio
from contextlib import suppress
from typing import Self

from tests.support.tcp import TcpServer, until_one_ends

_CHUNK = 65_536


class Wire:
    """A proxy to 127.0.0.1:`target_port`. Verbs: cut, refuse, stall, hide_ends, slow, drop_after, restore."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.target_port = target_port  # of connections from now on
        self.forwarded_bytes = 0
        self.connections = 0  # accepted so far
        self._server = TcpServer(self._carry, limit_bytes=_CHUNK)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._accepting = True
        self._showing_ends = asyncio.Event()
        self._showing_ends.set()
        self._bytes_per_s: float | None = None
        self._drop_after: int | None = None

    async def __aenter__(self) -> Self:
        await self._server.open()
        self.port = self._server.port
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def cut(self) -> None:
        """Reset every connection now; new ones are accepted."""
        await self._server.end_connections()

    async def refuse(self) -> None:
        """Reset every connection and every new one until `restore`."""
        self._accepting = False
        await self._server.end_connections()

    def stall(self) -> None:
        """Keep connections open and forward nothing, in both directions, until `restore`."""
        self._flowing.clear()

    def hide_ends(self) -> None:
        """Forward bytes and not the end of a stream: a side that closes is not missed until `restore`."""
        self._showing_ends.clear()

    def slow(self, bytes_per_s: float) -> None:
        """Forward at most this much per second and connection direction until `restore`."""
        self._bytes_per_s = bytes_per_s

    def drop_after(self, count_bytes: int) -> None:
        """Reset the connection that carries the byte `count_bytes` from now on; once."""
        self._drop_after = self.forwarded_bytes + count_bytes

    def restore(self) -> None:
        """Behave again."""
        self._accepting = True
        self._showing_ends.set()
        self._bytes_per_s = None
        self._drop_after = None
        self._flowing.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if not self._accepting:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port, limit=_CHUNK)
        except OSError:
            writer.transport.abort()
            return
        ways = (self._pump(reader, far_writer), self._pump(far_reader, writer))
        await until_one_ends(ways, writer, far_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                await self._flowing.wait()
                rate = self._bytes_per_s
                data = await reader.read(_CHUNK if rate is None else max(1, int(rate / 20)))
                if not data:
                    await self._showing_ends.wait()
                    return
                await self._flowing.wait()  # bytes that came in while stalled wait too
                self.forwarded_bytes += len(data)
                if self._drop_after is not None and self.forwarded_bytes >= self._drop_after:
                    self._drop_after = None
                    return
                writer.write(data)
                await writer.drain()
                if rate is not None:
                    await asyncio.sleep(len(data) / rate)
