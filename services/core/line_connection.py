"""One HTTP/1.1 connection of a `Line`: a request is written, and a bounded number of bytes of the answer is read."""

import asyncio
import contextlib
from typing import cast

import httptools

MOST_HEAD_BYTES = 100 * 1024  # of all that comes before the body, interim answers included
MOST_BYTES = 64 * 1024  # of the body
_ENDS = {"content-length", "transfer-encoding"}  # headers that say where a body ends
_QUOTED_BYTES = 1024  # of what is no HTTP
_PIECE_BYTES = 16 * 1024  # read between two looks at the bounds: a chunk of the loop has 256 kB


class BrokenOff(Exception):
    """What came is no HTTP, or ended in the middle."""


class Connection(asyncio.Protocol):
    """One connection. Callbacks of the parser are `on_…`."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self.idle_since = 0.0
        self.closed = False
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.beginning = b""  # of an answer whose head is not there yet
        self._whole = self._cut = False
        self._reusable = False
        self._came_bytes = 0
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[None] | None = None
        self._ended: asyncio.Future[None] | None = None

    async def ask(self, request: bytes) -> None:
        """Send, and wait for the head of the answer.

        Raises:
            BrokenOff: it is none, or never came.
        """
        self.status, self.headers, self.body, self.beginning = None, {}, bytearray(), b""
        self._whole = self._cut = self._reusable = False
        if self.closed or self._transport is None:
            raise BrokenOff
        self._came_bytes = 0
        self._parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        self._ended = None
        self._transport.write(request)
        await self._answered

    @property
    def whole(self) -> bool:
        """Whether `body` is all of it."""
        return self._whole and not self._cut

    async def read(self, seconds: float) -> bool:
        """Wait for the rest of the answer; return whether the connection can be used again."""
        if not self._whole and not self.closed and not self._cut:
            self._ended = asyncio.get_running_loop().create_future()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ended
        self._answered = None
        return self._reusable and not self.closed

    def abort(self) -> None:
        """End the connection at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on; what nobody asked for, or what is too much, ends the connection."""
        for start in range(0, len(data), _PIECE_BYTES):
            if self._answered is None or self.closed:
                self.abort()
                return
            self._take(data[start : start + _PIECE_BYTES])

    def _take(self, piece: bytes) -> None:
        if self.status is None:
            self.beginning += piece[: _QUOTED_BYTES - len(self.beginning)]
        try:
            self._parser.feed_data(piece)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end()
            return
        self._came_bytes += len(piece)
        if not self._whole and self._came_bytes > MOST_HEAD_BYTES + (0 if self.status is None else self._most_bytes):
            self._end()

    def eof_received(self) -> None:
        """Take the end of the connection for that of a body which named no other (RFC 9112 6.3); then it closes."""
        if self.status is not None and not _ENDS & self.headers.keys():
            self._whole = True

    def connection_lost(self, _error: Exception | None) -> None:
        """Note that the receiver hung up."""
        self.closed = True
        self._end()

    def _end(self) -> None:
        """Let nothing more come of this answer."""
        self.abort()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(BrokenOff())
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def on_message_begin(self) -> None:
        """Look out for an answer that nobody asked for."""
        if self._whole:
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header of the head; those behind the body say nothing."""
        if self.status is not None:
            return
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Tell who waits, unless it is an interim answer."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
        elif self.status is None:
            self.status = status
            if self._answered is not None and not self._answered.done():
                self._answered.set_result(None)

    def on_body(self, piece: bytes) -> None:
        """Keep the first bytes."""
        room = self._most_bytes - len(self.body)
        self.body += piece[:room]
        if len(piece) > room:
            self._cut = True

    def on_message_complete(self) -> None:
        """Tell who waits for the body."""
        if self.status is None or self._whole:
            return
        self._whole, self._reusable = True, self._parser.should_keep_alive()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
