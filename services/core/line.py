"""The line to one receiver: requests over HTTP/1.1, side by side, on connections that are kept.

All that goes out by HTTP goes over one: notices to 119, calls of people, the heartbeat, what a relay asks its county,
subscribers, push services, tiles of the map (decisions 0054, 0079).

Promises that no connection is made to an address that was not checked (decision 0036), that nothing is taken over from
the environment, no redirect followed and no cookie kept; and that whatever the receiver answers, `ask` returns an
answer within its time and that of the body, having read a bounded number of bytes. It never raises.
"""

import asyncio
import base64
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self

import httpx2

from services.core.answers import Answer
from services.core.clock import wait_at_most
from services.core.line_connection import MOST_BYTES, BrokenOff, Connection
from services.core.masks import find_secrets, hide
from services.core.outbound import CheckedAddresses, tls
from services.core.receivers import OURS
from services.core.text import describe_error

__all__ = ["BODY_S", "MOST_BYTES", "Line", "Request"]

BODY_S = 1.0  # of a receiver that has said yes or no already; its incident number is welcome, not needed
KEPT_OPEN_S = 30.0  # without a request
HEAD_START_S = 0.25  # of one address of a name over the next one (RFC 8305, 5)
MOST_ADDRESSES = 8
_DEFAULTS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "firetower"}
_SENDABLE = re.compile(rb"[\x21-\x7e]+")
_HEADER = re.compile(r"[!#-'*+.0-9A-Z^-z|~-]+: [\t -~]*")
_NO_HTTP = "the answer broke off or is no HTTP"  # what came may be quoted to fewer people


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire. `secrets` are masked in errors, besides those of the address."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    secrets: frozenset[str] = frozenset()


class _Target(NamedTuple):
    """An address taken apart. `head` follows the method in every request, `name` is whom its certificate must name."""

    host: str
    name: str
    port: int
    tls: bool
    head: bytes
    fixed: frozenset[str]  # names of headers that nobody else gives


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
    lines = [b" " + parsed.raw_path + b" HTTP/1.1", b"host: " + parsed.netloc, b"connection: keep-alive"]
    fixed = OURS
    if parsed.username or parsed.password:
        user = base64.b64encode(f"{parsed.username}:{parsed.password}".encode())
        lines.append(b"authorization: Basic " + user)
        fixed |= {"authorization"}
    encrypted = parsed.scheme == "https"
    port = parsed.port or (443 if encrypted else 80)
    name = parsed.raw_host.decode("ascii")
    return _Target(parsed.host, name, port, encrypted, b"\r\n".join(lines), fixed)


def _no_body(_status: int) -> bool:
    return False


class Line:
    """Requests to one receiver. `keep` connections stay open between requests, each for at most `kept_open_s`.

    Of a body `most_bytes` are kept, and what comes far beyond them ends the connection.
    """

    def __init__(
        self,
        url: str,
        addresses: CheckedAddresses,
        keep: int = 0,
        kept_open_s: float = KEPT_OPEN_S,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.url, self._addresses, self._most_bytes = url, addresses, most_bytes
        self._keep, self._kept_open_s = keep, kept_open_s
        self._read: _Target | None = None
        self._idle: list[Connection] = []

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what is open; a line that keeps nothing has nothing to close."""
        self.hang_up()

    async def ask(self, request: Request, timeout_s: float, wants_body: Callable[[int], bool] = _no_body) -> Answer:
        """Send a request and return the answer: its head within `timeout_s`, of its body what comes within a second.

        `wants_body` says for a status whether the body decides; it then has the time that is left of `timeout_s`. The
        address may be another one of the same receiver.
        """
        begun = time.monotonic()
        connection, kept, came = None, False, b""
        try:
            async with asyncio.timeout(timeout_s):
                target = self._target(request.url)
                connection = self._take() or await self._connect(target)
                await connection.ask(_bytes_of(request, target))
            left_s = timeout_s - (time.monotonic() - begun) if wants_body(connection.status or 0) else 0.0
            kept = await connection.read(max(BODY_S, left_s))
            return Answer(connection.status, connection.headers, bytes(connection.body), whole=connection.whole)
        except TimeoutError:
            error = f"no answer within {timeout_s:g} s"
        except BrokenOff:
            error, came = _NO_HTTP, connection.beginning if connection is not None else b""
        except Exception as failed:  # noqa: BLE001 - a foreign name or certificate can fail in every layer below
            error = hide(describe_error(failed), request.secrets | find_secrets(request.url, {}))
        finally:
            if connection is not None:
                self._put_back(connection, kept=kept)
        self.hang_up()  # what else is open may be as dead, and would cost an attempt each
        return Answer(None, {}, came, error)

    def _target(self, url: str) -> _Target:
        """Take an address apart, the line's own once.

        Raises:
            httpx2.InvalidURL, ValueError: it is none, or that of another receiver.
        """
        own = self._read = self._read or _target_of(self.url)
        if url == self.url:
            return own
        other = _target_of(url)
        if other[:4] != own[:4]:
            raise ValueError("the address is that of another receiver")
        return other

    def _take(self) -> Connection | None:
        oldest = time.monotonic() - self._kept_open_s
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    def _put_back(self, connection: Connection, *, kept: bool) -> None:
        if kept and len(self._idle) < self._keep:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.abort()

    def hang_up(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().abort()

    async def _connect(self, to: _Target) -> Connection:
        """Connect to a checked address, the one that answers first when there are several.

        Raises:
            AddressRefused: none of them may be called.
            OSError: none answers, or its certificate is not that of the name.
        """
        addresses = await self._addresses.of(to.host, to.port)
        if len(addresses) == 1:
            return await _open(addresses[0], to, self._most_bytes)
        return await _open_first(addresses, to, self._most_bytes)


async def _open(address: str, to: _Target, most_bytes: int) -> Connection:
    _, made = await asyncio.get_running_loop().create_connection(
        partial(Connection, most_bytes),
        address,
        to.port,
        ssl=tls() if to.tls else None,
        server_hostname=to.name if to.tls else None,
    )
    return made


async def _open_first(addresses: Sequence[str], to: _Target, most_bytes: int) -> Connection:
    """Connect to the address that answers first, each with a head start: 119 has 2 s, and IPv6 may lead nowhere.

    Raises:
        OSError: none answers.
    """
    addresses = addresses[:MOST_ADDRESSES]
    opened, failures = list[Connection](), list[Exception]()
    failed = [asyncio.Event() for _ in addresses]

    async def attempt(number: int) -> None:
        if number > 0:
            await wait_at_most(failed[number - 1], number * HEAD_START_S)
        try:
            opened.append(await _open(addresses[number], to, most_bytes))
        except (OSError, ValueError) as error:
            failures.append(error)
            failed[number].set()
        else:
            for other in attempts[:number] + attempts[number + 1 :]:
                other.cancel()

    try:
        async with asyncio.TaskGroup() as group:
            attempts = [group.create_task(attempt(one), name=f"connect {one}") for one in range(len(addresses))]
        if not opened:
            raise failures[-1]
        return opened.pop(0)
    finally:
        for surplus in opened:
            surplus.abort()


def _bytes_of(request: Request, to: _Target) -> bytes:
    """Return a request as it is sent.

    Raises:
        ValueError: it cannot be.
    """
    given = {name.lower() for name in request.headers}
    lines = [f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in to.fixed]
    if not all(map(_HEADER.fullmatch, lines)) or not all(isinstance(one, str) for one in request.headers.values()):
        raise ValueError("a header has characters that cannot be sent")
    lines += [f"{name}: {value}" for name, value in _DEFAULTS.items() if name not in given]
    if request.body or request.method != "GET":
        lines.append(f"content-length: {len(request.body)}")
    more = "\r\n".join(lines).encode("ascii")
    return b"%b%b\r\n%b\r\n\r\n%b" % (request.method.encode("ascii"), to.head, more, request.body)
