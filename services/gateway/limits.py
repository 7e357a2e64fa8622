"""What one caller may use up, as numbers, and the buckets that count it. Pure; clocks are passed in.

Used by link.py and door.py. The figures leave a real panel (a storm of 22-object frames included) far below them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the gateway; each is there so that a stranger's bytes cost strangers, not panels."""

    links: int = 6000  # in all
    unnamed_links: int = 1000  # that have not sent one valid frame yet; the oldest gives way to a newcomer
    unknown_links: int = 2000  # of addresses the registry does not have
    name_within_s: float = 10.0  # to send the first valid frame
    finish_frame_within_s: float = 10.0  # a frame that drips longer is dropped
    rescue_after_s: float = 0.3  # of silence inside a frame: look whether it only seemed to be one
    bytes_per_s: float = 32 * 1024
    bytes_burst: float = 64 * 1024  # about sixty full frames
    unnamed_free_bytes: int = 1024  # of a link without a valid frame yet; what it sends beyond comes out of
    strangers_bytes_per_s: float = 128 * 1024  # what all of those share
    strangers_bytes_burst: float = 1024 * 1024
    chunk_bytes: int = 4096  # of one link decoded before the others have their turn
    frames_at_once: int = 10  # that are no fire, of one link before the others have their turn
    frames_waiting: int = 500  # that are no fire; more are not taken
    frames_per_s: float = 50.0  # that are no fire
    frames_burst: float = 500.0
    fires_per_s: float = 200.0
    fires_burst: float = 2000.0
    denies_per_s: float = 2.0
    denies_burst: float = 20.0
    damages_in_a_row: int = 200  # then the link is closed
    sources_per_link: int = 64
    unread_reply_bytes: int = 64 * 1024  # a caller that does not read is closed
    open_records: int = 20_000  # not yet stored; beyond, only fires are taken
    open_fires: int = 60_000
    states_per_source: int = 20_000


class Bucket:
    """Tokens that come back with time."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate_per_s: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._left, self._at = rate_per_s, burst, burst, now

    def take(self, count: float, now: float) -> bool:
        """Take `count` tokens if they are there."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if count > self._left:
            return False
        self._left -= count
        return True

    def spend(self, count: float, now: float) -> float:
        """Take `count` tokens, there or not; return the seconds until the debt is paid."""
        self.take(0, now)
        self._left -= count
        return max(0.0, -self._left / self._rate)
