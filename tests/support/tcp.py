"""A TCP server for tests that leaves nothing behind: no connection, no task, not even what came at the last moment.

A task that is cancelled before its first step never reaches its `finally`, and the kernel may hand over a connection
while the server closes; so the connections are counted here, and not by who answers them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Self

_TURNS = 6
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class TcpServer:
    """Listens on loopback and runs `answer` for each connection; what it leaves open is reset."""

    def __init__(self, answer: Answer, *, limit_bytes: int = 65_536) -> None:
        self.port = 0
        self._answer = answer
        self._limit_bytes = limit_bytes
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen; after `close` at the same port."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port, limit=self._limit_bytes)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Accept nothing more and end every connection."""
        if self._server is not None:
            server, self._server = self._server, None
            for listening in server.sockets:  # a server that closes just after it accepted leaks that connection (3.11)
                asyncio.get_running_loop().remove_reader(listening.fileno())
            await _turns()
            server.close()
        await self.end_connections()

    async def end_connections(self) -> None:
        """Reset every connection; new ones are accepted while the server is open."""
        await _turns()  # what the kernel has just handed over arrives
        tasks = dict(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in tasks.values():
            writer.transport.abort()
        await _turns()  # and the sockets close

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:
            writer.transport.abort()
            return
        task = asyncio.ensure_future(self._run(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._ended)

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # a client that leaves is no fault of the server
            await self._answer(reader, writer)
            writer.close()
            await writer.wait_closed()  # what is written goes out first

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task).transport.abort()


async def _turns() -> None:
    """Let the loop go round as often as a connection needs: accepted, its task, its transport, the protocol told."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def until_one_ends(ways: Sequence[Coroutine[Any, Any, None]], *writers: asyncio.StreamWriter) -> None:
    """Run both ways of a proxy until one ends; reset the connections of `writers`."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
