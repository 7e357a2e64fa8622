"""The line to one receiver: requests over HTTP/1.1, side by side, on connections that are kept.

Made by `board` for each subscriber and by `browsers` for each push service.

Promises that no connection is made to an address that was not checked (decision 0036), that nothing is taken over from
the environment, no redirect followed and no cookie kept; and that whatever the receiver answers, `post` returns an
answer within its time and a second, having read a bounded number of bytes.
"""

import asyncio
import base64
import contextlib
import re
import time
from collections.abc import Mapping
from typing import NamedTuple, Self, cast

import httptools
import httpx2

from services.core.answers import Answer
from services.core.exchange import BODY_S, MOST_BYTES
from services.core.masks import find_secrets, hide
from services.core.outbound import KEPT_OPEN_S, NEXT_ADDRESS_S, CheckedAddresses, tls
from services.core.text import describe_error

MOST_HEAD_BYTES = 100 * 1024  # of all that comes before the body, interim answers included
_SENDABLE = re.compile(rb"[\x21-\x7e]+")
_HEADER = re.compile(r"[!#-'*+.0-9A-Z^-z|~-]+: [\t -~]*")
_NO_HTTP = "the answer broke off or is no HTTP"


class _BrokenOff(Exception):
    """What came is no HTTP, or ended in the middle."""


class _Connection(asyncio.Protocol):
    """One connection. Callbacks of the parser are `on_…`."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.closed = False
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self._whole = False
        self._reusable = False
        self._came_bytes = 0
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[None] | None = None
        self._ended: asyncio.Future[None] | None = None

    async def ask(self, request: bytes) -> None:
        """Send, and wait for the head of the answer.

        Raises:
            _BrokenOff: it is none, or never came.
        """
        if self.closed or self._transport is None:
            raise _BrokenOff
        self.status, self.headers, self.body = None, {}, bytearray()
        self._whole = self._reusable = False
        self._came_bytes = 0
        self._parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        self._ended = None
        self._transport.write(request)
        await self._answered

    async def read(self, seconds: float) -> bool:
        """Wait for the rest of the answer; return whether the connection can be used again."""
        if not self._whole and not self.closed and len(self.body) < MOST_BYTES:
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
        if self._answered is None:
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end()
            return
        self._came_bytes += len(data)
        if not self._whole and self._came_bytes > MOST_HEAD_BYTES + (0 if self.status is None else MOST_BYTES):
            self._end()

    def connection_lost(self, _error: Exception | None) -> None:
        """Note that the receiver hung up."""
        self.closed = True
        self._end()

    def _end(self) -> None:
        """Let nothing more come of this answer."""
        self.abort()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(_BrokenOff())
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
        self.body += piece[: MOST_BYTES - len(self.body)]

    def on_message_complete(self) -> None:
        """Tell who waits for the body."""
        if self.status is None or self._whole:
            return
        self._whole, self._reusable = True, self._parser.should_keep_alive()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)


class _Target(NamedTuple):
    """An address taken apart. `head` is the beginning of every request, `name` whom its certificate must name."""

    host: str
    name: str
    port: int
    tls: bool
    head: bytes


def _target_of(url: str) -> _Target:
    """Take an address apart.

    Raises:
        httpx2.InvalidURL, ValueError: it is none.
    """
    parsed = httpx2.URL(url)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError("the address must begin with http:// or https:// and have a host")
    if not all(_SENDABLE.fullmatch(part) for part in (parsed.raw_path, parsed.netloc)):
        raise ValueError("the address has characters that cannot be sent")
    lines = [
        b"POST " + parsed.raw_path + b" HTTP/1.1", b"host: " + parsed.netloc, b"accept: */*",
        b"accept-encoding: identity", b"connection: keep-alive", b"user-agent: firetower",
    ]  # fmt: skip
    if parsed.username or parsed.password:
        user = base64.b64encode(f"{parsed.username}:{parsed.password}".encode())
        lines.append(b"authorization: Basic " + user)
    encrypted = parsed.scheme == "https"
    port = parsed.port or (443 if encrypted else 80)
    return _Target(parsed.host, parsed.raw_host.decode("ascii"), port, encrypted, b"\r\n".join(lines))


class Line:
    """Requests to one receiver. `keep` connections stay open between requests."""

    def __init__(self, url: str, addresses: CheckedAddresses, keep: int) -> None:
        self._url, self._addresses, self._keep = url, addresses, keep
        self._read: _Target | None = None
        self._idle: list[_Connection] = []

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.pop().abort()

    async def post(
        self, headers: Mapping[str, str], body: bytes, timeout_s: float, url: str | None = None
    ) -> Answer:  # fmt: skip
        """Post `body` and return the answer: its head within `timeout_s`, of its body what comes within a second.

        `url` is another address of the same receiver.
        """
        connection, kept = None, False
        try:
            async with asyncio.timeout(timeout_s):
                target = self._target(url)
                connection = self._take() or await self._connect(target)
                await connection.ask(_request(target, headers, body))
            kept = await connection.read(BODY_S)
            return Answer(connection.status, connection.headers, bytes(connection.body))
        except TimeoutError:
            return Answer(None, {}, b"", f"no answer within {timeout_s:g} s")
        except _BrokenOff:
            return Answer(None, {}, b"", _NO_HTTP)
        except Exception as error:  # noqa: BLE001 - a foreign name or certificate can fail in every layer below
            return Answer(None, {}, b"", hide(describe_error(error), find_secrets(url or self._url, {})))
        finally:
            if connection is not None:
                self._put_back(connection, kept=kept)

    def _target(self, url: str | None) -> _Target:
        """Take an address apart, the line's own once.

        Raises:
            httpx2.InvalidURL, ValueError: it is none, or that of another receiver.
        """
        own = self._read = self._read or _target_of(self._url)
        if url is None:
            return own
        other = _target_of(url)
        if other[:4] != own[:4]:
            raise ValueError("the address is that of another receiver")
        return other

    def _take(self) -> _Connection | None:
        oldest = time.monotonic() - KEPT_OPEN_S
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    def _put_back(self, connection: _Connection, *, kept: bool) -> None:
        if kept and len(self._idle) < self._keep:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.abort()

    async def _connect(self, to: _Target) -> _Connection:
        """Connect to a checked address, to the next one when one does not answer.

        Raises:
            AddressRefused: one of them may not be called.
            OSError: none answers, or its certificate is not that of the name.
        """
        addresses = await self._addresses.of(to.host, to.port)
        for address in addresses[:-1]:
            with contextlib.suppress(OSError):  # time that ran out, too: nothing was sent yet
                async with asyncio.timeout(NEXT_ADDRESS_S):
                    return await _open(address, to)
        return await _open(addresses[-1], to)


async def _open(address: str, to: _Target) -> _Connection:
    _, made = await asyncio.get_running_loop().create_connection(
        _Connection, address, to.port, ssl=tls() if to.tls else None, server_hostname=to.name if to.tls else None
    )
    return made


def _request(to: _Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if not all(map(_HEADER.fullmatch, lines)):
        raise ValueError("a header has characters that cannot be sent")
    more = "\r\n".join([*lines, f"content-length: {len(body)}"]).encode("ascii")
    return b"%b\r\n%b\r\n\r\n%b" % (to.head, more, body)
