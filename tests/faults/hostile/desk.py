"""A desk, and receivers of contacts and subscribers, that answer as nobody should. It counts what it took: what it said
2xx to.

Each notice is answered strangely for its first attempts and then honestly, so that every fire can be delivered.
"""

import asyncio
import contextlib
import gzip
import random
from collections import Counter
from datetime import UTC, datetime

import orjson

from tests.support.tcp import TcpServer

_OK = b"HTTP/1.1 200 OK\r\n"
_AGAIN = b"HTTP/1.1 503 Service Unavailable\r\n"


def _body(head: bytes, body: bytes, more: bytes = b"") -> bytes:
    return head + more + b"content-length: %d\r\n\r\n" % len(body) + body


# what is delivered by its status line, whatever follows
TAKEN: dict[str, bytes] = {
    "NUL in the incident": _body(_OK, b'{"incident_id":"D-1\\u0000"}'),
    "lone surrogate in the incident": _body(_OK, b'{"incident_id":"\\ud800"}'),
    "incident is a list": _body(_OK, b'{"incident_id":[1,{"a":null}]}'),
    "incident of 10 kB": _body(_OK, b'{"incident_id":"' + b"x" * 10_000 + b'"}'),
    "UTF-16": _body(
        _OK, '{"incident_id":"D-2"}'.encode("utf-16"), b"content-type: application/json; charset=utf-16\r\n"
    ),
    "gzip that is none": _body(_OK, b"not gzip", b"content-encoding: gzip\r\n"),
    "a bomb": _body(_OK, gzip.compress(b"0" * 20_000_000), b"content-encoding: gzip\r\n"),
    "chunks that are none": _OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    "endless body": _OK + b"\r\n" + b"x" * 300_000,
    "deep JSON": _body(_OK, b"[" * 50_000),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "299": _body(b"HTTP/1.1 299 \xff\xfe\r\n", b"\x00\x01"),
    "409": _body(b"HTTP/1.1 409 Conflict\r\n", b""),
}
# what is tried again
REFUSED: dict[str, bytes] = {
    "503 in UTF-16": _body(_AGAIN, "服务器忙".encode("utf-16")),
    "500 with NUL": _body(b"HTTP/1.1 500 error\r\n", b"error\x00"),
    "429, soon": _body(b"HTTP/1.1 429 Too Many\r\n", b"", b"retry-after: 0\r\n"),
    "503, before all time": _body(_AGAIN, b"", b"retry-after: Mon, 01 Jan 0001 00:00:00 GMT\r\n"),
    "503, minus one": _body(_AGAIN, b"", b"retry-after: -1\r\n"),
    "503, no number": _body(_AGAIN, b"", b"retry-after: NaN\r\n"),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00garbage\r\n\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "a head of 1 MB": b"HTTP/1.1 200 OK\r\n" + b"x-a: " + b"y" * 1_000_000,
    "status of letters": b"HTTP/1.1 OK fine\r\n\r\n",
    "599": _body(b"HTTP/1.1 599 \r\n", b"\xff" * 3000),
}


class OddDesk:
    """Listens on loopback; `taken` counts the accepting answers by notice, `fires` the confirmed fires by device."""

    def __init__(self, seed: int) -> None:
        self.taken: Counter[str] = Counter()
        self.fires: Counter[str] = Counter()
        self.took_at: dict[str, datetime] = {}
        self.answers: Counter[str] = Counter()
        self.pushed = 0  # events of subscriptions
        self.port = 0
        self._attempts: Counter[str] = Counter()
        self._dice = random.Random(seed)

    @contextlib.asynccontextmanager
    async def listening(self):
        """Serve until the end of the block."""
        async with TcpServer(self._serve) as server:
            self.port = server.port
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
            )
            writer.write(self._answer_of(head, await reader.readexactly(length)))
            await asyncio.wait_for(writer.drain(), 1)
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 1)  # what is written goes out first
        writer.transport.abort()

    def _answer_of(self, head: bytes, body: bytes) -> bytes:
        if b"application/cap+xml" in head or b"application/cloudevents+json" in head:
            self.pushed += 1
            return self._any()
        notice = orjson.loads(body)
        return self._answer(notice) if isinstance(notice, dict) and "notice_id" in notice else self._any()

    def _any(self) -> bytes:
        """Answer a contact's call, or a subscriber's event."""
        return self._dice.choice([*TAKEN.values(), *REFUSED.values()])

    def _answer(self, notice: dict) -> bytes:
        number = notice["notice_id"]
        self._attempts[number] += 1
        if self._attempts[number] <= 2 and self._dice.random() < 0.6:
            name = self._dice.choice(list(REFUSED))
            self.answers[name] += 1
            return REFUSED[name]
        name = self._dice.choice(list(TAKEN))
        self.answers[name] += 1
        self.taken[number] += 1
        if notice["type"] == "fire.confirmed":
            device = notice["device"]["code"]
            self.fires[device] += 1
            self.took_at.setdefault(device, datetime.now(UTC))
        return TAKEN[name]
