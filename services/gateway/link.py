"""One TCP link of a panel: bytes to frames within its limits, replies, the centre's own messages, silence.

Made by door.py for every connection; hands frames to its `Post` (intake.py). Promises: nothing a peer sends raises or
grows without bound; fires overtake the rest; a reply echoes the serial, swaps the addresses and has a fresh
checksum.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from functools import partial

from services.core.clock import Clock
from services.core.log import logger
from services.core.metrics import FRAMES
from services.gateway.downlink import READ_OWN_STATE, SYNC_CLOCK, Exchange
from services.gateway.frames import (
    CHECKSUMS,
    DENY,
    KNOWN_COMMANDS,
    Damage,
    Frame,
    answer,
    encode,
    write_time,
)
from services.gateway.limits import Allowance, Limits, Strangers
from services.gateway.objects import Item, holds_fire, read_unit, write_unit
from services.gateway.post import Caller, Post
from services.gateway.stream import Stream

log = logger(__name__)

_READ_INTO = bytearray(4096)  # one for all links: what was read is copied before the loop reads again


class Link(asyncio.BufferedProtocol):
    """A connection. `tick` is called several times a second by the door.

    Bytes are decoded in slices, link by link, and nothing more is read until all that was read is decoded. Fires are
    handed on as they are decoded; the rest wait for that, and then a few of each link have their turn.
    """

    def __init__(
        self, post: Post, clock: Clock, limits: Limits, strangers: Strangers, admit: Callable[["Link"], bool]
    ) -> None:
        self._post = post
        self._clock = clock
        self._limits = limits
        self._admit = admit
        self._raw = bytearray()
        self._later: deque[tuple[Caller, Frame, float]] = deque()
        self._strange: dict[bytes, list[tuple[Frame, bool, float]]] = {}  # from addresses that are being looked up
        self._strangers = 0
        self._busy = False
        self._transport: asyncio.Transport | None = None
        now = clock.monotonic()
        self.host = ""
        self.opened = now
        self.callers: dict[bytes, Caller] = {}
        self.awaited = 0  # confirms still to be sent
        self._stream = Stream(self._checksum_of, limits, now)
        self._paused_until = 0.0
        self._allowance = Allowance(limits, strangers, now)

    # --- the event loop calls these ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the peer or hang up."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server gives no other
        self._transport = transport
        self.host = str((transport.get_extra_info("peername") or [""])[0])
        handle = transport.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
        if not self._admit(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason changes nothing
        """Forget it."""
        self._transport = None
        self._post.closed(self)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - the loop's wish; ours is smaller
        """Say where the loop may put what it reads."""
        return _READ_INTO

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read, and stop reading until it is worked off."""
        if self._transport is None or self._transport.is_closing():
            return
        now = self._clock.monotonic()
        self._stream.hear(now)
        debt_s = self._allowance.spend_bytes(nbytes, now)
        self._paused_until = now + debt_s if debt_s else 0.0
        self._raw += _READ_INTO[:nbytes]
        self._transport.pause_reading()
        if not self._busy:
            self._work()

    def _work(self) -> None:
        """Do one slice of work, then let the others have their turn."""
        self._busy = False
        if self._transport is None or self._transport.is_closing():
            return
        now = self._clock.monotonic()
        if self._raw:
            slice_ = bytes(self._raw[: self._limits.chunk_bytes])
            del self._raw[: self._limits.chunk_bytes]
            self._take(self._stream.feed(slice_, now), now)
        if not self._raw:
            for _ in range(min(len(self._later), self._limits.frames_at_once)):
                self._post.frame(self, *self._later.popleft())
        if self._raw or self._later:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._work)
        crowded = self._raw or len(self._later) > self._limits.frames_waiting
        if not crowded and not self._paused_until and not self.is_closing:
            self._transport.resume_reading()

    # --- inbound ---

    def _checksum_of(self, address: bytes) -> Callable[[bytes], int]:
        caller = self.callers.get(address)
        return CHECKSUMS[caller.profile.checksum if caller else self._post.checksum_of(address)]

    def _take(self, found: list[Frame | Damage], now: float) -> None:
        if not found:
            return
        self._allowance.sound = isinstance(found[-1], Frame)
        for item in found:
            if self.is_closing:
                return
            if isinstance(item, Frame):
                self._take_frame(item, now)
        for item in found:
            if isinstance(item, Damage):
                FRAMES.labels(f"damaged_{item.flaw}").inc()
                self._deny(item.header, now)
        if self._stream.damages >= self._limits.damages_told:
            self._post.garbled(self)
        if self._stream.damages > self._limits.damages_in_a_row:
            self.close("nothing but damaged frames")

    def _take_frame(self, frame: Frame, now: float) -> None:
        urgent = frame.command in KNOWN_COMMANDS and holds_fire(read_unit(frame.adu))
        if not self._allowance.take_frame(now, urgent=urgent):
            FRAMES.labels("over_rate").inc()  # not confirmed, so the panel sends it again
            return
        if frame.command not in KNOWN_COMMANDS:
            FRAMES.labels("unknown_command").inc()
            self._deny(frame, now)
            return
        if frame.source not in self.callers and not self._post.is_registered(frame.source):
            if frame.source not in self._strange:
                self._strange[frame.source] = []
                self._post.ask(frame.source, partial(self._go_on, frame.source))
            self._strange[frame.source].append((frame, urgent, now))
            return
        self._hand_on(frame, now, urgent=urgent)

    def _go_on(self, source: bytes) -> None:
        """It is known now who a stranger is: take what it said meanwhile."""
        said = self._strange.pop(source)
        if self.is_closing:
            return
        for frame, urgent, arrived in said:
            self._hand_on(frame, arrived, urgent=urgent)
        if self._later and not self._busy:
            self._work()

    def _hand_on(self, frame: Frame, now: float, *, urgent: bool) -> None:
        caller = self._caller(frame, now)
        if caller is not None:
            FRAMES.labels("taken").inc()
            if urgent:
                self._post.frame(self, caller, frame, now)
            else:
                self._later.append((caller, frame, now))

    def _caller(self, frame: Frame, now: float) -> Caller | None:
        caller = self.callers.get(frame.source)
        if caller is not None:
            caller.hear(frame, now)
            return caller
        registered = self._post.is_registered(frame.source)
        if not registered and self._strangers >= self._limits.sources_per_link:
            FRAMES.labels("over_sources").inc()  # not confirmed; those that were there before go on
            return None
        profile = self._post.profile_of(self, frame.source)
        if profile is None:
            FRAMES.labels("not_allowed").inc()
            log.warning("address not allowed", address=frame.source.hex(), peer=self.host)
            self.close("address not allowed here")
            return None
        caller = Caller.new(frame, profile, now)
        self.callers[frame.source] = caller
        self._strangers += not registered
        self._allowance.registered |= registered
        self._post.first_word(self, caller)
        return None if self.is_closing else caller

    # --- outbound ---

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    def send(self, frame: Frame) -> None:
        """Send a frame; a peer that does not read is closed."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > self._limits.unread_reply_bytes:
            self.close("does not read")
            return
        caller = self.callers.get(frame.destination)
        self._transport.write(encode(frame, CHECKSUMS[caller.profile.checksum if caller else "sum8"]))

    def reply(self, frame: Frame, command: int, adu: bytes = b"") -> None:
        """Answer `frame`."""
        self.send(answer(frame, command, adu))

    def _deny(self, header: Frame, now: float) -> None:
        if self._allowance.take_denial(now):
            FRAMES.labels("denied").inc()
            self.reply(header, DENY)

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
        """Hang up."""
        if self._transport is not None and not self._transport.is_closing():
            FRAMES.labels("closed_by_us").inc()
            if self.callers:  # strangers come by the thousand; they are counted
                log.info("link closed", peer=self.host, reason=reason, addresses=[a.hex() for a in self.callers][:3])
            self._transport.abort()

    # --- time ---

    def tick(self, now: float) -> None:
        """Look after everything that has a time."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._paused_until and now >= self._paused_until:
            self._paused_until = 0.0
            if not self._busy:  # else the work at hand goes on to it
                self._transport.resume_reading()
        self._take(self._stream.overdue(now), now)
        if self._later and not self._busy:
            self._work()
        if not self.callers and now - self.opened > self._limits.name_within_s:
            self.close("no valid frame")
            return
        for caller in self.callers.values():
            self._allowance.registered |= self._post.is_registered(caller.address)  # it may have been meanwhile
            self._look_after(caller, now)

    def _look_after(self, caller: Caller, now: float) -> None:
        if now - caller.heard > caller.profile.silence_limit_s:
            self.close("silent for too long")
            return
        again, failed = caller.exchanges.overdue(now)
        for exchange in again:
            self.send(exchange.frame)
        for exchange in failed:
            self._post.failed(self, caller, exchange)
        if caller.sync_due and now >= caller.sync_due and (not self.awaited or now > caller.sync_due + 5):
            caller.sync_due = now + caller.profile.clock_sync_s
            label = write_time(self._clock.now(), caller.profile.utc_offset_min)
            self.say(caller, SYNC_CLOCK, write_unit(SYNC_CLOCK, [Item(time=label)]))
        if now >= caller.probe_due:
            caller.probe_due = now + caller.profile.idle_probe_s
            self.probe(caller)
