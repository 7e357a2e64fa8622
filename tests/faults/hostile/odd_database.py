"""A wire to PostgreSQL on which the server sometimes answers as on its worst days. Seeded; counts what it said.

It stands between a program and the real server and speaks just enough of the protocol (PostgreSQL, chapter 55) to
answer a whole request, up to its Sync, with an error instead of handing it on. The server never saw it; a transaction
that was open counts as failed until the program rolls it back, as after a real error. Or the connection goes.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.faults.hostile.odd_wire import OddWire, Reader, Writer

_SSL_REQUEST = 80877103
_ENDS_A_REQUEST = b"SQ"  # Sync, and a simple Query


class Odd(NamedTuple):
    """An answer: its SQLSTATE, what it says, and whether the server hangs up after it."""

    code: str
    words: str
    fatal: bool = False


ANSWERS = (
    Odd("57014", "canceling statement due to statement timeout"),
    Odd("55P03", "canceling statement due to lock timeout"),
    Odd("40001", "could not serialize access due to concurrent update"),
    Odd("40P01", "deadlock detected"),
    Odd("53100", 'could not extend file "base/5/1259": No space left on device'),
    Odd("53200", "out of memory"),
    Odd("53300", "sorry, too many clients already", fatal=True),
    Odd("25006", "cannot execute INSERT in a read-only transaction"),
    Odd("57P01", "terminating connection due to administrator command", fatal=True),
    Odd("57P03", "the database system is starting up", fatal=True),
    Odd("58030", 'could not read block 7 in file "base/5/1259": Input/output error'),
)
ABORTED = Odd("25P02", "current transaction is aborted, commands ignored until end of transaction block")
RESET, LOST = "reset", "answer lost"  # before the server saw the request; after it, with the answer


class OddDatabase(OddWire):
    """Of so many requests, a share gets an odd answer."""

    def becomes(self) -> Odd | str | None:
        """Return what becomes of a request; None: what is right."""
        drawn = self.draw((*ANSWERS, RESET, LOST))
        if drawn is not None:
            self.said[drawn if isinstance(drawn, str) else drawn.code] += 1
        return drawn

    def _ways(self, reader: Reader, writer: Writer, far_reader: Reader, far_writer: Writer) -> Sequence[Any]:
        link = _Link(self, reader, writer, far_writer)
        return link.requests(), link.answers(far_reader)


class _Link:
    """One connection."""

    def __init__(
        self, odd: OddDatabase, near: asyncio.StreamReader, back: asyncio.StreamWriter, far: asyncio.StreamWriter
    ) -> None:
        self._odd = odd
        self._near = near
        self._back = back
        self._far = far
        self._state = b""  # what the server's last ReadyForQuery said; empty while the connection is being made
        self._failed = False  # a transaction that the program has to roll back
        self._deaf = False  # answers are lost from now on

    async def requests(self) -> None:
        """Carry what the program asks, or answer it oddly."""
        await self._begin()
        request = b""
        while True:
            head = await self._near.readexactly(5)
            message = head + await self._near.readexactly(int.from_bytes(head[1:], "big") - 4)
            request += message
            if head[:1] in b"XpdcfH" or not self._state:  # a goodbye, a password, a COPY, the first half of a request
                request = await self._hand_on(request)
            elif head[:1] in _ENDS_A_REQUEST:
                drawn = self._becomes(request)
                if drawn == RESET or (isinstance(drawn, Odd) and b"COMMIT" in request):
                    return  # a COMMIT that fails leaves no transaction open behind us
                if isinstance(drawn, Odd):
                    await self._answer(drawn)
                    if drawn.fatal:
                        return
                    request = b""
                    continue
                self._deaf = drawn == LOST
                request = await self._hand_on(request)

    async def answers(self, far: asyncio.StreamReader) -> None:
        """Carry what the server answers."""
        while True:
            head = await far.readexactly(1)
            if head == b"N" and not self._state:  # no TLS: one byte
                self._back.write(head)
                continue
            size = await far.readexactly(4)
            body = await far.readexactly(int.from_bytes(size, "big") - 4)
            if self._deaf and head == b"Z":
                return
            if head == b"Z":
                self._state = body
            if not self._deaf:
                self._back.write(head + size + body)
                await self._back.drain()

    def _becomes(self, request: bytes) -> Odd | str | None:
        if b"ROLLBACK" in request:
            self._failed = False
            return None
        return ABORTED if self._failed else self._odd.becomes()

    async def _begin(self) -> None:
        """Hand on what comes before the messages that have a type."""
        while True:
            size = await self._near.readexactly(4)
            body = await self._near.readexactly(int.from_bytes(size, "big") - 4)
            await self._hand_on(size + body)
            if int.from_bytes(body[:4], "big") != _SSL_REQUEST:
                return

    async def _hand_on(self, request: bytes) -> bytes:
        self._far.write(request)
        await self._far.drain()
        return b""

    async def _answer(self, odd: Odd) -> None:
        """Answer a request that the server never sees."""
        severity = "FATAL" if odd.fatal else "ERROR"
        fields = b"".join(
            name + text.encode() + b"\0"
            for name, text in ((b"S", severity), (b"V", severity), (b"C", odd.code), (b"M", odd.words))
        )
        self._back.write(_message(b"E", fields + b"\0"))
        if not odd.fatal:
            self._failed = self._state != b"I"
            self._back.write(_message(b"Z", b"E" if self._failed else b"I"))
        await self._back.drain()


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body
