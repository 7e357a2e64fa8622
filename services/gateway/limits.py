"""What one caller may use up, as numbers, and the buckets that count it. Pure; clocks are passed in.

Used by link.py and door.py. A real panel stays far below them, even during a storm of 22-object frames.
"""

import math
from dataclasses import dataclass, replace

FILES_OF_OUR_OWN = 100  # journal, broker, database, metrics, logs


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the gateway. Each makes sure that strangers' bytes cost strangers and not panels."""

    links: int = 6000  # in all
    unnamed_links: int = 1000  # that have not sent one valid frame yet; the oldest gives way to a newcomer
    unknown_links: int = 2000  # of addresses the registry does not have
    # addresses nobody registered that become devices, per second and at once: of all, and of one remote address
    new_strangers: tuple[float, float] = (0.2, 1500)
    new_strangers_of_peer: tuple[float, float] = (0.1, 1000)
    # those among them whose first word is a fire: of all, of one remote address, of one link
    first_fires: tuple[float, float] = (0.2, 400)
    first_fires_of_peer: tuple[float, float] = (0.1, 250)
    first_fires_of_link: tuple[float, float] = (1 / 30, 4)
    # further fires, counted by object: of one such address, then out of what all of them share
    fires_of_stranger: tuple[float, float] = (0.5, 30)
    fires_of_strangers: tuple[float, float] = (1, 100)
    strangers_met: int = 20_000  # of the newest are known again
    peers_met: int = 2_000
    strangers_published: int = 40  # records of theirs published and not yet stored; registered panels overtake the rest
    name_within_s: float = 60.0  # to send the first valid frame: a device may begin with the heartbeat of every 30 s
    farewell_within_s: float = 20.0  # a peer that sends no more may still read our answers
    finish_frame_within_s: float = 10.0  # a frame that drips longer is dropped
    rescue_after_s: float = 0.3  # of silence inside a frame: look whether it only seemed to be one
    chunk_bytes: int = 1024  # of one link decoded before the others have their turn
    frames_at_once: int = 10  # that are no fire, of one link before the others have their turn
    frames_waiting: int = 500  # that are no fire; with more, nothing is read until they are worked off
    # per second and at once, of a link with a registered address (64 KiB are sixty full frames)
    bytes_registered: tuple[float, float] = (32 * 1024, 64 * 1024)
    frames_registered: tuple[float, float] = (50, 2000)
    fires_registered: tuple[float, float] = (200, 2000)
    # of a link of anybody else; what it sends beyond comes out of what all of those share
    bytes_own: tuple[float, float] = (512, 2048)
    bytes_sound: tuple[float, float] = (2048, 16 * 1024)  # while what it says is sound frames
    frames_own: tuple[float, float] = (5, 100)
    fires_own: tuple[float, float] = (20, 500)
    bytes_shared: tuple[float, float] = (128 * 1024, 1024 * 1024)
    frames_shared: tuple[float, float] = (100, 1000)
    fires_shared: tuple[float, float] = (100, 1000)
    longest_pause_s: float = 30.0  # of not reading from one link; debts are not remembered beyond it
    denies: tuple[float, float] = (2, 40)
    damages_told: int = 10  # in a row, of a registered panel
    damages_in_a_row: int = 200  # then the link is closed
    sources_per_link: int = 16  # that nobody registered; more are not heard
    unread_reply_bytes: int = 64 * 1024  # a caller that does not read is closed
    open_records: int = 20_000  # not yet stored; beyond, only fires are taken
    open_fires: int = 60_000
    open_of_strangers: int = 2_000
    # what is remembered of one address, and of all before nothing new is of an address that nobody registered
    states_per_source: int = 20_000
    states_before_strangers: int = 500_000
    devices_per_source: int = 2000  # that measure for it; the values of more stay with the panel
    counters_before_strangers: int = 40_000  # two of a panel, one of a device that measures


def limits_within(files: int) -> Limits:
    """Return limits that fit into so many open files: links are refused by us, with room left for what we need."""
    usual = Limits()
    links = max(1, min(usual.links, files - FILES_OF_OUR_OWN))
    share = links / usual.links
    return replace(
        usual,
        links=links,
        unnamed_links=max(1, int(usual.unnamed_links * share)),
        unknown_links=max(1, int(usual.unknown_links * share)),
    )


class Bucket:
    """Tokens that come back with time."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate_per_s: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._left, self._at = rate_per_s, burst, burst, now

    def has(self, count: float, now: float) -> bool:
        """Say whether `count` tokens are there."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        return count <= self._left

    def take(self, count: float, now: float) -> bool:
        """Take `count` tokens if they are there."""
        if not self.has(count, now):
            return False
        self._left -= count
        return True

    def spend(self, count: float, now: float, longest_s: float = math.inf) -> float:
        """Take `count` tokens, there or not; return the seconds until the debt is paid, at most `longest_s`."""
        self.has(0, now)
        self._left = max(self._left - count, -longest_s * self._rate)
        return max(0.0, -self._left / self._rate)


class Strangers:
    """What all links without a registered address share."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.bytes = Bucket(*limits.bytes_shared, now)
        self.frames = Bucket(*limits.frames_shared, now)
        self.fires = Bucket(*limits.fires_shared, now)


class Allowance:
    """What one link may send. `registered` is set once a registered address spoke on it, `sound` by frame or damage."""

    def __init__(self, limits: Limits, strangers: Strangers, now: float) -> None:
        self.registered = False
        self.sound = False
        self._strangers = strangers
        self._longest_pause_s = limits.longest_pause_s
        self._bytes_registered = Bucket(*limits.bytes_registered, now)
        self._bytes_own = (Bucket(*limits.bytes_own, now), Bucket(*limits.bytes_sound, now))
        self._frames = (Bucket(*limits.frames_own, now), Bucket(*limits.frames_registered, now))
        self._fires = (Bucket(*limits.fires_own, now), Bucket(*limits.fires_registered, now))
        self._denies = Bucket(*limits.denies, now)

    def spend_bytes(self, count: int, now: float) -> float:
        """Count bytes that came; return how many seconds not to read."""
        if self.registered:
            return self._bytes_registered.spend(count, now, self._longest_pause_s)
        if self._bytes_own[self.sound].take(count, now):
            return 0.0
        return self._strangers.bytes.spend(count, now, self._longest_pause_s)

    def take_frame(self, now: float, *, urgent: bool) -> bool:
        """Say whether one more frame is taken."""
        own, registered = self._fires if urgent else self._frames
        if self.registered:
            return registered.take(1, now)
        shared = self._strangers.fires if urgent else self._strangers.frames
        return own.take(1, now) or shared.take(1, now)

    def take_denial(self, now: float) -> bool:
        """Say whether one more denial is sent."""
        return self._denies.take(1, now)
