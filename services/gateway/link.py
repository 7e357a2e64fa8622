"""One TCP link of a panel: reading and its end, replies, the centre's own messages, silence.

Made by door.py for every connection; inbound.py works on what it reads. Promises: a reply echoes the serial, swaps the
addresses and has a fresh checksum; a link is forgotten only when everything it said is handed on.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

from services.core.aside import Unit
from services.core.clock import Clock
from services.core.log import logger
from services.core.metrics import FRAMES
from services.gateway.downlink import READ_OWN_STATE, SYNC_CLOCK, Exchange
from services.gateway.frames import CHECKSUMS, Frame, answer, encode, write_time
from services.gateway.inbound import Inbound
from services.gateway.limits import Limits, Strangers
from services.gateway.objects import Item, write_unit
from services.gateway.post import Caller, Post

log = logger(__name__)

READ_BYTES = 4096
_READ_INTO = bytearray(READ_BYTES)  # one for all links: what was read is copied before the loop reads again
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000),
)


class Link(asyncio.BufferedProtocol):
    """A connection. `tick` is called several times a second by the door.

    Nothing more is read until all that was read is decoded. A peer that ended its side is still answered; one that is
    gone is still heard to the end of what arrived.
    """

    def __init__(
        self, post: Post["Link"], clock: Clock, limits: Limits, strangers: Strangers, admit: Callable[["Link"], bool]
    ) -> None:
        self._post = post
        self._clock = clock
        self._limits = limits
        self._admit = admit
        self._busy = False
        self._transport: asyncio.Transport | None = None
        self.is_refused = False  # set when it may not speak here
        self._ended_at: float | None = None  # the peer says no more since then
        self._forgotten = False
        self._paused_until = 0.0
        self.host = ""
        self.opened = clock.monotonic()
        self.callers: dict[bytes, Caller] = {}
        self.awaited = 0  # confirms still to be sent
        self._inbound = Inbound(self, post, clock, limits, strangers)

    # --- the event loop calls these ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the peer or hang up."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server gives no other
        self._transport = transport
        self.host = str((transport.get_extra_info("peername") or [""])[0])
        handle = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # the peer is gone already; what it said waits to be read
            for level, name, value in _KEEPALIVE:
                handle.setsockopt(level, name, value)
        if not self._admit(self):
            self.is_refused = True
            transport.abort()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - the loop's wish; ours is smaller
        """Say where the loop may put what it reads."""
        return _READ_INTO

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read, and stop reading until it is worked off."""
        if self._transport is None or self._transport.is_closing():
            return
        self._hear(nbytes)
        self._transport.pause_reading()
        self.go_on()

    def eof_received(self) -> bool:
        """Hear the peer out; keep our side open, for it may wait for its confirm."""
        self._end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason changes nothing
        """Read what arrived before the end, then forget the link when all of it is handed on."""
        if not self.is_refused:
            self._read_rest()
        self._transport = None
        self._end()

    def _hear(self, nbytes: int) -> None:
        now = self._clock.monotonic()
        debt_s = self._inbound.hear(memoryview(_READ_INTO)[:nbytes], now)
        self._paused_until = now + debt_s if debt_s else 0.0

    def _read_rest(self) -> None:
        """Read what the system still holds of a dead connection, as far as the link's allowance goes."""
        assert self._transport is not None  # noqa: S101 - the loop closes the socket after this
        handle = self._transport.get_extra_info("socket").fileno()
        with contextlib.suppress(OSError):  # nothing left, or nothing but the end
            while handle >= 0 and self._paused_until <= self._clock.monotonic():
                count = os.readv(handle, [_READ_INTO])
                if not count:
                    return
                self._hear(count)

    def _end(self) -> None:
        if self._ended_at is None:
            self._ended_at = self._clock.monotonic()
        self._inbound.end()
        self.go_on()

    # --- one slice of work after the other ---

    def go_on(self) -> None:
        """Work if nothing does."""
        if not self._busy:
            self._work()

    def _work(self) -> None:
        """Do one slice of work, then let the others have their turn."""
        self._busy = False
        with self._post.around(Unit("link", self.host)):
            self._inbound.work()
        if self._inbound.has_work:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._go_on_working)
        elif self._transport is None:
            self._forget()
        elif self._ended_at is not None:
            self._part(self._clock.monotonic())
        self._read_on()

    def _go_on_working(self) -> None:
        if self._busy:
            self._work()

    def _read_on(self) -> None:
        if self._transport is None or self._transport.is_closing() or self._ended_at is not None:
            return
        if not self._paused_until and not self._inbound.is_crowded:
            self._transport.resume_reading()

    def _forget(self) -> None:
        if self._inbound.is_idle and not self._forgotten:
            self._forgotten = True
            self._post.closed(self)

    def _part(self, now: float) -> None:
        """Hang up on a peer that says no more, once it has its answers or too late for them."""
        assert self._transport is not None and self._ended_at is not None  # noqa: S101, PT018 - asked before
        if self._inbound.is_idle and (not self.awaited or now - self._ended_at > self._limits.farewell_within_s):
            self._transport.close()

    # --- outbound ---

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    @property
    def is_leaving(self) -> bool:
        """Whether it is of no use for anything but the answers to what it said."""
        return self.is_closing or self._ended_at is not None

    def send(self, frame: Frame) -> None:
        """Send a frame; a peer that does not read is closed."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > self._limits.unread_reply_bytes:
            self.close("does not read")
            return
        self._transport.write(encode(frame, CHECKSUMS[self._post.checksum_of(self, frame.destination)]))

    def reply(self, frame: Frame, command: int, adu: bytes = b"") -> None:
        """Answer `frame`."""
        self.send(answer(frame, command, adu))

    def say(self, caller: Caller, flag: int, adu: bytes) -> Exchange:
        """Begin an exchange with one address."""
        label = write_time(self._clock.now(), caller.profile.utc_offset_min)
        exchange = caller.exchanges.begin(flag, adu, like=caller.last, label=label, at=self._clock.monotonic())
        self.send(exchange.frame)
        return exchange

    def probe(self, caller: Caller) -> None:
        """Ask for a sign of life: the state of the transmission device."""
        if not len(caller.exchanges):
            self.say(caller, READ_OWN_STATE, write_unit(READ_OWN_STATE, [Item(reserved=0)]))

    def close(self, reason: str) -> None:
        """Hang up; what was received is handed on all the same."""
        if self._transport is not None and not self._transport.is_closing():
            FRAMES.labels("closed_by_us").inc()
            if self.callers:  # strangers come by the thousand: they are counted, not logged
                log.info("link_closed", peer=self.host, reason=reason, addresses=[a.hex() for a in self.callers][:3])
            self._transport.abort()

    def part_with(self, caller: Caller, reason: str) -> None:
        """Give up one address that is silent here; hang up if nobody else was heard, for others may go on."""
        if len(self.callers) == 1:
            self.close(reason)
            return
        log.info("address_off_link", peer=self.host, reason=reason, address=caller.address.hex())
        del self.callers[caller.address]
        self._post.left(self, caller)

    def refuse(self, reason: str) -> None:
        """Hang up and forget what was received: whoever speaks may not speak here."""
        self.is_refused = True
        self._inbound.refuse()
        self.close(reason)

    # --- time ---

    def tick(self, now: float) -> None:
        """Look after everything that has a time."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._ended_at is not None:
            self._part(now)
            return
        if self._paused_until and now >= self._paused_until:
            self._paused_until = 0.0
            if not self._busy:  # otherwise the current work gets to it
                self._transport.resume_reading()
        self._inbound.tick(now)
        if self._inbound.has_work:
            self.go_on()
        if not self.callers and now - self.opened > self._limits.name_within_s:
            self.close("no valid frame")
            return
        for caller in list(self.callers.values()):
            self._look_after(caller, now)

    def _look_after(self, caller: Caller, now: float) -> None:
        if now - caller.heard > caller.profile.silence_limit_s:
            self.part_with(caller, "silent for too long")
            return
        again, failed = caller.exchanges.overdue(now)
        for exchange in again:
            self.send(exchange.frame)
        for exchange in failed:
            self._post.failed(self, caller, exchange)
        if caller.address not in self.callers:
            return
        if caller.sync_due and now >= caller.sync_due and (not self.awaited or now > caller.sync_due + 5):
            caller.sync_due = now + caller.profile.clock_sync_s
            label = write_time(self._clock.now(), caller.profile.utc_offset_min)
            self.say(caller, SYNC_CLOCK, write_unit(SYNC_CLOCK, [Item(time=label)]))
        if now >= caller.probe_due:
            caller.probe_due = now + caller.profile.idle_probe_s
            self.probe(caller)
