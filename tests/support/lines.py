"""Lines to receivers of a test, and a receiver that answers every request alike: a real TCP server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

from services.core.answers import Answer
from services.core.line import Line, Request
from services.core.outbound import CheckedAddresses
from tests.support.tcp import TcpServer
from tests.support.waiting import PATIENCE_S

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
YES = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def line_to(url: str, *answers: list[str], keep: int = 8, **more: Any) -> tuple[Line, list[str]]:
    """A line whose name server gives these answers in turn, the last one for ever; and what it was asked."""
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    if answers:
        more["resolve"] = resolve
    return Line(url, CheckedAddresses(more.pop("networks", LOOPBACK), **more), keep), asked


async def post(line: Line, timeout_s: float = PATIENCE_S, url: str | None = None, **headers: Any) -> Answer:
    """Post a little over a line, to its own address unless another is named."""
    return await line.ask(Request(url or line.url, headers or {"webhook-id": "x"}, b"{}"), timeout_s)


class Receiver:
    """Answers every request alike. `heads` is what it was asked, `open` how many connections it has, `made` had."""

    def __init__(self, answer: bytes = YES) -> None:
        self.answer, self.heads, self.open, self.made = answer, list[bytes](), 0, 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open, self.made = self.open + 1, self.made + 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0))
                self.heads.append(head)
                writer.write(self.answer)
                await writer.drain()
        finally:
            self.open -= 1


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Open such a receiver."""
    made = Receiver()
    async with TcpServer(made.serve) as server:
        made.port = server.port
        yield made
