"""Damaged frames that came again and again, byte for byte: noise does not do that, so their panel means them. Pure.

Used by inbound.py; times are passed in. A panel whose heartbeats are sound may get each frame with data wrong.
"""

from collections import OrderedDict

from services.gateway.downlink import ANSWER_WITHIN_S, TRIES
from services.gateway.frames import Damage

WITHIN_S = 3 * TRIES * ANSWER_WITHIN_S  # between one copy and the next a panel may dial in again
REMEMBERED = 20  # of one link; more is noise


class Misread:
    """The newest damages of one link, and how often each came."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Damage, tuple[int, float]] = OrderedDict()

    def is_meant(self, damage: Damage, now: float) -> bool:
        """Say whether its panel has now said it as often as it says anything (6.5: once, and three repeats)."""
        count, at = self._seen.pop(damage, (0, now))
        count = count + 1 if now - at <= WITHIN_S else 1
        if count >= TRIES:
            return True
        self._seen[damage] = (count, now)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return False
