"""Damaged frames that came again and again, byte for byte: noise does not do that, so their panel means them. Pure.

Used by front.py and inbound.py; times are passed in. A panel with sound heartbeats may get each frame with data wrong.
"""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b

from services.gateway.downlink import ANSWER_WITHIN_S, TRIES
from services.gateway.frames import Damage

WITHIN_S = 3 * TRIES * ANSWER_WITHIN_S  # between one copy and the next a panel may dial in again


@dataclass(slots=True)
class Copies:
    """How often one damage came, none of them long after the one before."""

    count: int
    at: float  # monotonic, of the newest
    taken: bool = False  # what it holds is told: a panel that repeats for hours means one and the same fire

    @property
    def is_meant(self) -> bool:
        """Whether its panel has just said it as often as it says anything (6.5: once, and three repeats)."""
        return self.count % TRIES == 0


class Misread:
    """The newest damages of one registered address, or of the others on one link, and how often each came.

    `most` are remembered: whoever says more different ones in turn is not recognised.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[bytes, Copies] = OrderedDict()  # by their digests

    def count(self, damage: Damage, now: float) -> Copies:
        """Count one more copy."""
        known = blake2b(repr(damage).encode(), digest_size=16).digest()
        copies = self._seen.pop(known, None)
        if copies is None or now - copies.at > WITHIN_S:
            copies = Copies(0, now)
        copies.count, copies.at = copies.count + 1, now
        self._seen[known] = copies
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return copies
