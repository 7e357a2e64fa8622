"""Limits what connections may cost before anybody has signed in: size and duration of a head, and their number.

uvicorn's protocol with limits. Promises that connections which only wait make room for others, oldest first, and that
no head, trailer or chunk extension is kept beyond its bound.
"""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.api.request.problems import render
from services.core.setting_values import Network

HEAD_BYTES = 32 * 1024
HEAD_LINES = 100
HEAD_S = 10.0  # from the first byte, or from connecting, to the end of the head
STALLED_S = 60.0  # an answer of which nothing is taken for this long is dropped
WAITING = 1000  # connections without a whole request, of everybody
PER_ADDRESS, PER_OWN_ADDRESS = 500, 4000  # connections; from this machine, where the benches run


def _whole_answer(status: int, code: str, detail: str, more: Mapping[str, str] | None = None) -> bytes:
    """Return a refusal as the bytes of an answer: a problem as any other, after which the connection ends."""
    answer = render(status, code, detail, {"connection": "close", **(more or {})})
    head = b"".join(b"%s: %s\r\n" % pair for pair in answer.raw_headers)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, HTTPStatus(status).phrase.encode(), head, bytes(answer.body))


_LATE = _whole_answer(408, "too_late", "the head of the request did not come to its end in time; send it again")
_LARGE = _whole_answer(431, "head_too_large", f"a head has at most {HEAD_LINES} lines and {HEAD_BYTES // 1024} KiB")
_CROWDED = _whole_answer(503, "crowded", "too many connections are open; try again shortly", {"Retry-After": "5"})
_UNREADABLE = _whole_answer(400, "bad_request", "this is no HTTP/1.1 request")


class Door:
    """Who is connected: one per process. `connections` in all, `waiting` of them without a whole request."""

    def __init__(
        self,
        trusted: Iterable[Network] = (),
        *,
        connections: int = 10_000,
        waiting: int = WAITING,
        head_s: float = HEAD_S,
    ) -> None:
        self.head_s = head_s
        self._trusted = tuple(trusted)
        self._most, self._most_waiting = connections, waiting
        self._per_address: Counter[str] = Counter()
        self._waiting: dict[DoorProtocol, None] = {}  # in the order in which they began to wait

    def enter(self, protocol: "DoorProtocol") -> bool:
        """Take a connection; False when its address, or everybody together, has reached the limit and all are busy."""
        address = protocol.address
        if self._per_address[address] >= self._limit(address) and not self._make_room(address):
            return False
        if self._per_address.total() >= self._most and not self._make_room(None):
            return False
        self._per_address[address] += 1
        self.wait(protocol)
        return True

    def wait(self, protocol: "DoorProtocol") -> None:
        """Note that a connection has no whole request (any more)."""
        self._waiting.pop(protocol, None)
        self._waiting[protocol] = None
        if len(self._waiting) > self._most_waiting:
            self._make_room(None)

    def busy(self, protocol: "DoorProtocol") -> None:
        """Note that a connection's request is being answered."""
        self._waiting.pop(protocol, None)

    def leave(self, protocol: "DoorProtocol") -> None:
        """Forget a connection."""
        self._waiting.pop(protocol, None)
        self._per_address[protocol.address] -= 1
        if self._per_address[protocol.address] <= 0:
            del self._per_address[protocol.address]

    def _make_room(self, address: str | None) -> bool:
        """Drop the connection that has waited longest (of `address`, if one is named)."""
        for protocol in self._waiting:
            if address is None or protocol.address == address:
                self._waiting.pop(protocol)
                protocol.transport.abort()
                return True
        return False

    def _limit(self, address: str) -> int:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return PER_ADDRESS
        if any(parsed in network for network in self._trusted):
            return self._most  # a proxy, which speaks for many
        return PER_OWN_ADDRESS if parsed.is_loopback else PER_ADDRESS


class DoorProtocol(HttpToolsProtocol):
    """One connection, held to the limits."""

    door: Door

    @classmethod
    def behind(cls, door: Door) -> type["DoorProtocol"]:
        """Return the protocol of the connections that come through `door`: uvicorn makes them itself."""
        return type(cls.__name__, (cls,), {"door": door})

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.address = ""
        self._entered = False
        self._unread = 0  # bytes taken since something of a request was told to us
        self._head = 0
        self._lines = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or turn it away."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._entered = self.door.enter(self)
        if not self._entered:
            self._end(_CROWDED)
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._entered:
            self.door.leave(self)
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, within the bounds."""
        if self.transport.is_closing():
            return
        self._unread += len(data)
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()
        super().data_received(data)
        if self._unread > HEAD_BYTES and not self.transport.is_closing():
            self._end(_LARGE)

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        self._head = self._lines = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the address as a part of the head."""
        self._count(len(url), 0)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a line of the head, or of a trailer."""
        self._count(len(name) + len(value), 1)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request is whole enough to be answered."""
        self._unread = 0
        self._cancel_head()
        self.door.busy(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; the gate bounds it."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has been sent to its end."""
        self._unread = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The request is answered; the connection waits for the next one."""
        super().on_response_complete()
        if self._entered and not self.pipeline and not self.transport.is_closing():
            self.door.wait(self)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's words are plain text
        """Answer what cannot be parsed, or is larger than its bound."""
        if self._head > HEAD_BYTES or self._lines > HEAD_LINES:
            self._end(_LARGE)
        else:
            self._end(_UNREADABLE)

    def pause_writing(self) -> None:
        """The client does not take its answer: wait for a while."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The client takes its answer again."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _count(self, size: int, lines: int) -> None:
        self._head += size
        self._lines += lines
        if self._head > HEAD_BYTES or self._lines > HEAD_LINES:
            raise ValueError("the head is too large")  # the parser stops, and has `send_400_response` called

    def _expect_head(self) -> None:
        self._cancel_head()
        self._timer = self.loop.call_later(self.door.head_s, self._give_up)

    def _give_up(self) -> None:
        if self._unread:
            self._end(_LATE)
        else:  # a browser's spare connection
            self.transport.close()

    def _cancel_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_timers(self) -> None:
        self._cancel_head()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _end(self, answer: bytes) -> None:
        self._stop_timers()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
