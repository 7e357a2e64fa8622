"""What one link hears: bytes to frames within its limits, who said them, fires before the rest. Used by link.py alone.

Promises: nothing a peer sends raises or grows without bound; what was received whole is handed on, whether the link
still lives or not; one frame that cannot be worked on costs that frame.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar
from zlib import crc32

from services.core.aside import Unit
from services.core.clock import Clock
from services.core.log import logger
from services.core.metrics import FRAMES
from services.gateway.frames import CHECKSUMS, DENY, KNOWN_COMMANDS, Damage, Frame, encode
from services.gateway.limits import Allowance, Limits, Strangers
from services.gateway.misread import Misread
from services.gateway.objects import read_unit
from services.gateway.post import Caller, Peer, Post, Said
from services.gateway.stream import Stream

log = logger(__name__)


L = TypeVar("L", bound=Peer)
MISREAD_OF_LINK = 20  # damages of strangers; more are noise


class Inbound(Generic[L]):
    """Bytes are decoded in slices, link by link. Fires are handed on as they are decoded; the rest wait for that.

    What a panel said before its fire and what bears on that fire goes before it, in the order in which it was said.
    """

    def __init__(self, link: L, post: Post[L], clock: Clock, limits: Limits, strangers: Strangers) -> None:
        self._link = link
        self._post = post
        self._clock = clock
        self._limits = limits
        self._raw = bytearray()
        self._later: deque[tuple[Caller, Said]] = deque()
        self._strange: dict[bytes, list[Said]] = {}  # from addresses that are being looked up
        now = clock.monotonic()
        self._stream = Stream(self._checksum_of, limits, now)
        self._allowance = Allowance(limits, strangers, now)
        self._misread = Misread(MISREAD_OF_LINK)
        self._ended = self._finished = False

    # --- bytes ---

    def hear(self, data: bytes | bytearray | memoryview, now: float) -> float:
        """Take bytes that came; return how many seconds nothing more may be read."""
        self._stream.hear(now)
        self._raw += data
        return self._allowance.spend_bytes(len(data), now)

    def end(self) -> None:
        """No more bytes will come: what looked like an unfinished frame is not one."""
        self._ended = True

    def refuse(self) -> None:
        """Forget what is not handed on yet: the peer may not speak here."""
        self._raw.clear()
        self._later.clear()
        for said in (one for waiting in self._strange.values() for one in waiting):
            self._post.let_go(said)
        self._strange.clear()

    @property
    def has_work(self) -> bool:
        """Whether `work` has something to do."""
        return bool(self._raw or self._later)

    @property
    def is_crowded(self) -> bool:
        """Whether nothing more should be read."""
        return bool(self._raw) or len(self._later) > self._limits.frames_waiting

    @property
    def is_idle(self) -> bool:
        """Whether everything that was heard is handed on."""
        return not (self._raw or self._later or self._strange)

    def work(self) -> None:
        """Do one slice of work."""
        now = self._clock.monotonic()
        if self._raw:
            slice_ = bytes(self._raw[: self._limits.chunk_bytes])
            del self._raw[: self._limits.chunk_bytes]
            self._take(self._stream.feed(slice_, now), now)
        if self._ended and not self._raw and not self._finished:
            self._finished = True
            self._take(self._stream.finish(now), now)
        if not self._raw:
            for _ in range(min(len(self._later), self._limits.frames_at_once)):
                caller, said = self._later.popleft()
                self._hand_over(caller, said)

    def tick(self, now: float) -> None:
        """Look for frames behind one that does not go on, and for callers that were registered meanwhile."""
        self._take(self._stream.overdue(now), now)
        self._allowance.registered |= any(map(self._post.is_registered, self._link.callers))

    # --- frames ---

    def _checksum_of(self, address: bytes) -> Callable[[bytes], int]:
        return CHECKSUMS[self._post.checksum_of(self._link, address)]

    def _take(self, found: list[Frame | Damage], now: float) -> None:
        if not found:
            return
        self._allowance.sound = isinstance(found[-1], Frame)
        for item in found:
            if isinstance(item, Frame) and not self._link.is_refused:
                with self._post.around(partial(_unit_of, item, self._link.host)):
                    self._take_frame(item, now)
        for item in found:
            if isinstance(item, Damage):
                FRAMES.labels(f"damaged_{item.flaw}").inc()
                self._deny(item.header, now)
                self._look_at_damage(item, now)
        if self._stream.damages >= self._limits.damages_told and isinstance(found[-1], Damage):
            self._post.garbled(self._link, found[-1].header.source)
        if self._stream.damages > self._limits.damages_in_a_row:
            self._link.close("nothing but damaged frames")

    def _look_at_damage(self, damage: Damage, now: float) -> None:
        """Tell what a panel means although it is damaged each time."""
        if self._link.is_refused:
            return
        copies = (self._post.misread_of(self._link, damage.header.source) or self._misread).count(damage, now)
        if not copies.is_meant:
            return
        if not self._post.is_registered(damage.header.source) or self._allowance.take_frame(now, urgent=True):
            with self._post.around(partial(_unit_of, damage.header, self._link.host)):
                self._post.misread(self._link, damage, copies)

    def _take_frame(self, frame: Frame, now: float) -> None:
        said = Said(frame, now, read_unit(frame.adu), self._post.next_number())
        is_known = frame.command in KNOWN_COMMANDS
        if not self._allowance.take_frame(now, urgent=is_known and said.urgent):
            FRAMES.labels("over_rate").inc()  # not confirmed, so the panel sends it again
            return
        if not is_known:
            FRAMES.labels("unknown_command").inc()
            self._deny(frame, now)
            return
        if frame.source in self._link.callers or self._post.is_registered(frame.source):
            self._hand_on(said)
            return
        waiting = self._strange.get(frame.source)
        if waiting is None:
            self._strange[frame.source] = [said]
            self._post.keep(self._link, said, partial(self._go_on, frame.source))
        else:
            waiting.append(said)
            self._post.keep(self._link, said, None)

    def _go_on(self, source: bytes) -> None:
        """The look-up has ended: take what the stranger has said meanwhile."""
        for said in self._strange.pop(source, ()):
            with self._post.around(partial(_unit_of, said.frame, self._link.host)):
                self._hand_on(said)
        self._link.go_on()

    def _hand_on(self, said: Said) -> None:
        caller = self._caller(said)
        if caller is None:
            self._post.let_go(said)
            return
        FRAMES.labels("taken").inc()
        if said.urgent:
            self._hand_over_before(said)
            self._hand_over(caller, said)
        else:
            self._later.append((caller, said))

    def _hand_over_before(self, fire: Said) -> None:
        """Hand over what waits of the same panel, up to the last that bears on its fire: a reset before it, say."""
        last, source = 0, fire.frame.source
        for place, (_, said) in enumerate(self._later, 1):
            if said.frame.source == source and said.bears_on(fire):
                last = place
        waiting = [self._later.popleft() for _ in range(last)]
        self._later.extendleft(reversed([one for one in waiting if one[1].frame.source != source]))
        for caller, said in waiting:
            if said.frame.source == source:
                said.leads = said.tells_of_same(fire)
                self._hand_over(caller, said)

    def _hand_over(self, caller: Caller, said: Said) -> None:
        with self._post.around(partial(_unit_of, said.frame, self._link.host)):
            self._post.frame(self._link, caller, said)

    def _caller(self, said: Said) -> Caller | None:
        source = said.frame.source
        profile = self._post.profile_of(self._link, source)
        caller = self._link.callers.get(source)
        if caller is not None:
            if profile is not None:  # else another network is allowed by now: the link stays until it ends
                caller.speak_as(profile, said.arrived)
            caller.hear(said.frame, said.arrived)
            return caller
        if profile is None:
            FRAMES.labels("not_allowed").inc()
            log.warning("address_not_allowed", address=source.hex(), peer=self._link.host)
            self._link.refuse("address not allowed here")
            return None
        registered = self._post.is_registered(source)
        full = not registered and (
            self._strangers() >= self._limits.sources_per_link or not self._post.has_room(source)
        )
        if full and not said.urgent:
            FRAMES.labels("over_sources").inc()  # not confirmed; addresses that spoke before go on
            return None
        caller = Caller.new(said.frame, profile, said.arrived)
        if full:  # its fire is taken, but the address gets no place of its own
            FRAMES.labels("over_sources").inc()
            return caller
        self._link.callers[source] = caller
        self._allowance.registered |= registered
        self._post.first_word(self._link, caller)
        return caller

    def _strangers(self) -> int:
        return sum(not self._post.is_registered(address) for address in self._link.callers)

    def _deny(self, header: Frame, now: float) -> None:
        if self._allowance.take_denial(now):
            FRAMES.labels("denied").inc()
            self._link.reply(header, DENY)


def _unit_of(frame: Frame, peer: str) -> Unit:
    """Return what is listed when a frame cannot be worked on; its detail is enough to take it again."""
    return Unit(
        "frame",
        f"{frame.source.hex()}:{frame.serial}:{crc32(frame.adu):08x}",
        fire=True,
        detail={"frame": encode(frame).hex(), "peer": peer},
    )
