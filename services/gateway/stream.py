"""The bytes of one link: frames and damages in order, how many damages in a row, and frames that do not end. Pure.

Used by link.py; times are passed in.
"""

from collections.abc import Callable

from services.gateway.frames import Damage, Decoder, Frame
from services.gateway.limits import Limits


class Stream:
    """Decodes what a link reads. `damages` counts those since the last sound frame."""

    def __init__(self, checksum_of: Callable[[bytes], Callable[[bytes], int]], limits: Limits, now: float) -> None:
        self._decoder = Decoder(checksum_of)
        self._limits = limits
        self._heard = self._frame_since = now
        self.damages = 0

    def hear(self, now: float) -> None:
        """Note that bytes came; they are fed in slices, soon."""
        self._heard = now
        if not self._decoder.pending:
            self._frame_since = now

    def feed(self, data: bytes, now: float) -> list[Frame | Damage]:
        """Return what these bytes complete."""
        return self._count(self._decoder.feed(data), now)

    def overdue(self, now: float) -> list[Frame | Damage]:
        """Return what lies behind an unfinished frame that is overdue, or that only seems to be one."""
        if not self._decoder.pending:
            return []
        if now - self._frame_since > self._limits.finish_frame_within_s:
            self._frame_since = now
            return self._count(self._decoder.give_up(), now)
        if now - self._heard > self._limits.rescue_after_s:
            return self._count(self._decoder.rescue(), now)
        return []

    def finish(self, now: float) -> list[Frame | Damage]:
        """Return every whole frame that lies behind the beginning of others: no more bytes will come."""
        found: list[Frame | Damage] = []
        while more := self._decoder.rescue():
            found += more
        return self._count(found, now)

    def _count(self, found: list[Frame | Damage], now: float) -> list[Frame | Damage]:
        for item in found:
            self.damages = self.damages + 1 if isinstance(item, Damage) else 0
        if found:
            self._frame_since = now
        return found
