"""Receivers that answer HTTP as no receiver should: each is what it writes after it has read a request.

A real TCP server; what it does is chosen by the first part of the path, as in `http://127.0.0.1:PORT/endless`.
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Self

from tests.support.tcp import TcpServer

Write = Callable[[bytes], Awaitable[None]]
Behaviour = Callable[[Write], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"


def says(*pieces: bytes, then_wait: bool = False) -> Behaviour:
    async def behave(write: Write) -> None:
        for piece in pieces:
            await write(piece)
        if then_wait:
            await asyncio.sleep(3600)

    return behave


def answers(body: bytes, status: bytes = b"200 OK", *headers: bytes) -> Behaviour:
    lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
    return says(b"\r\n".join(lines) + b"\r\n\r\n" + body)


def header(line: bytes, status: bytes = b"503 Busy") -> Behaviour:
    return answers(b"", status, line)


async def endless(write: Write) -> None:
    await write(OK + b"\r\n")
    while True:
        await write(b"x" * 65_536)


async def drips(write: Write) -> None:
    await write(OK + b"content-length: 100000\r\n\r\n")
    while True:
        await write(b" ")
        await asyncio.sleep(1)


async def drips_headers(write: Write) -> None:
    await write(OK)
    while True:
        await write(b"x-more: 1\r\n")
        await asyncio.sleep(0.5)


async def interim_without_end(write: Write) -> None:
    while True:
        await write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 1000)


async def slow_yes(write: Write) -> None:
    """Answer after 7 s, as a busy switchboard does."""
    await asyncio.sleep(7)
    await write(OK + b"content-length: 2\r\n\r\n{}")


# what becomes of a notice: the contract's words
DELIVERED: dict[str, Behaviour] = {
    "endless": endless,
    "drips": drips,
    "no-length-and-no-end": says(OK + b"\r\n{}", then_wait=True),
    "bad-chunks": says(OK + b"transfer-encoding: chunked\r\n\r\nzz\r\nnot a chunk"),
    "cut-body": says(OK + b"content-length: 1000\r\n\r\n{"),
    "status-299": answers(b"", b"299 Odd"),
    "status-204": says(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "no-reason": answers(b"{}", b"200"),
    "early-hints-then-yes": says(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + OK + b"content-length: 0\r\n\r\n"),
    "false-gzip": answers(b"this is no gzip", b"200 OK", b"content-encoding: gzip"),
    "bomb": answers(gzip.compress(b"0" * 50_000_000), b"200 OK", b"content-encoding: gzip"),
    "unknown-encoding": answers(b"{}", b"200 OK", b"content-encoding: zstd, br, x-odd"),
    "unknown-charset": answers(b"{}", b"200 OK", b"content-type: application/json; charset=rot13"),
    "charset-of-bytes": answers(b"{}", b"200 OK", b"content-type: text/html; charset=\xff\xfe"),
    "utf-16": answers('{"incident_id":"D-1"}'.encode("utf-16"), b"200 OK", b"content-type: x/y; charset=utf-16"),
    "ten-megabytes": answers(b'{"incident_id":"D-1","more":"' + b"0" * 10_000_000 + b'"}'),
    "nested": answers(b"[" * 100_000),
    "id-with-nul": answers(b'{"incident_id":"D-1\\u0000"}'),
    "id-with-surrogate": answers(b'{"incident_id":"D-\\ud800"}'),
    "id-is-a-list": answers(b'{"incident_id":["D-1"]}'),
    "id-is-an-object": answers(b'{"incident_id":{"a":1}}'),
    "id-of-10-kb": answers(b'{"incident_id":"' + b"7" * 10_000 + b'"}'),
    "id-is-huge": answers(b'{"incident_id":' + b"7" * 5_000 + b"}"),
    "raw-nul": answers(b"\x00" * 2000),
    "cookies": answers(b"{}", b"200 OK", *(b"set-cookie: c%d=%s" % (n, b"x" * 900) for n in range(50))),
}
RETRIED: dict[str, Behaviour] = {
    "drips-headers": drips_headers,
    "interim-without-end": interim_without_end,
    "nothing": says(then_wait=True),
    "closes": says(),
    "http-0.9": says(b"<html>hello</html>\n"),
    "another-protocol": says(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "mail-server": says(b"220 mail.inner ESMTP\r\n\r\n"),
    "cut-headers": says(OK + b"content-len"),
    "header-of-1-mb": says(OK + b"x-long: " + b"a" * 1_000_000 + b"\r\n\r\n"),
    "header-with-nul": says(OK + b"x: a\x00b\r\n\r\n"),
    "two-lengths": says(OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}"),
    "length-below-zero": says(OK + b"content-length: -1\r\n\r\n{}"),
    "continue-then-silence": says(b"HTTP/1.1 100 Continue\r\n\r\n", then_wait=True),
    "processing-without-end": says(*[b"HTTP/1.1 102 Processing\r\n\r\n"] * 50, then_wait=True),
    "switches-protocols": says(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n", then_wait=True),
    "busy-in-utf-16": answers("<html>稍后\0</html>".encode("utf-16"), b"503 Busy"),
    "busy-with-nul": answers(b"error\x00", b"500 Oops"),
    "busy-endless": says(b"HTTP/1.1 500 Oops\r\n\r\nsorry", then_wait=True),
    "retry-below-zero": header(b"retry-after: -1"),
    "retry-nan": header(b"retry-after: NaN"),
    "retry-huge": header(b"retry-after: 99999999999999999999"),
    "retry-of-5000-digits": header(b"retry-after: " + b"9" * 5000),
    "retry-in-9999": header(b"retry-after: Fri, 31 Dec 9999 23:59:59 -2359"),
    "retry-in-year-0": header(b"retry-after: Fri, 31 Dec 0000 23:59:59 GMT"),
    "retry-zone": header(b"retry-after: Fri, 31 Dec 2026 23:59:59 +999999"),
    "retry-bytes": header(b"retry-after: \xff\xfe\xfd"),
    "status-600": answers(b"", b"600 Odd"),
}
DEAD: dict[str, Behaviour] = {
    "redirects-to-itself": answers(b"", b"301 Moved", b"location: /redirects-to-itself"),
    "redirects-badly": answers(b"", b"302 Moved", b"location: http://[::1/\xff"),
    "refuses-in-utf-16": answers("<html>不要\0</html>".encode("utf-16"), b"403 No"),
    "auth": answers(b"", b"401 Who", b"www-authenticate: Digest realm=\xff"),
}
BEHAVIOURS: dict[str, Behaviour] = {**DELIVERED, **RETRIED, **DEAD, "slow-yes": slow_yes}


class HostileReceiver:
    """Serves every behaviour at once. `heard` counts the requests by behaviour."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []  # behaviour, head of the request
        self.url = ""
        self.next: list[str] = []  # behaviours of the next requests, whatever their path
        self._server = TcpServer(self._answer, limit_bytes=1 << 20)

    def count(self, name: str) -> int:
        return sum(1 for heard, _ in self.heard if heard == name)

    async def __aenter__(self) -> Self:
        await self._server.open()
        self.url = f"http://127.0.0.1:{self._server.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(piece: bytes) -> None:
            writer.write(piece)
            await writer.drain()

        name, length = self._note(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(length)
        await BEHAVIOURS.get(name, answers(b'{"incident_id":"D-1"}'))(write)

    def _note(self, head: bytes) -> tuple[str, int]:
        lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
        name = self.next.pop(0) if self.next else head.split(b" ")[1].decode().strip("/")
        self.heard.append((name, head))
        return name, length
