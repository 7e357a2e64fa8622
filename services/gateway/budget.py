"""How many devices and fires unregistered addresses may put on the county's desk. Pure.

Used by intake.py; clocks are passed in. Every bucket is shared by strangers alone. The first fire of an address comes
out of other buckets than its further ones, so that repeats never use up what an honest stranger needs.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from services.gateway.limits import Bucket, Limits

K = TypeVar("K", bound=Hashable)


class _Buckets(Generic[K]):
    """A bucket for each key, the newest keys only."""

    def __init__(self, rate: tuple[float, float], most: int) -> None:
        self._rate = rate
        self._most = most
        self._buckets: OrderedDict[K, Bucket] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._buckets

    def of(self, key: K, now: float) -> Bucket:
        """Return the bucket of a key, a full one for a new key."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(*self._rate, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket


class Budget:
    """What strangers have left."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._met: OrderedDict[bytes, None] = OrderedDict()  # addresses that became devices
        self._new = Bucket(*limits.new_strangers, now)
        self._new_of_peer: _Buckets[str] = _Buckets(limits.new_strangers_of_peer, limits.peers_met)
        self._first = Bucket(*limits.first_fires, now)
        self._first_of_peer: _Buckets[str] = _Buckets(limits.first_fires_of_peer, limits.peers_met)
        self._first_of_link: _Buckets[int] = _Buckets(limits.first_fires_of_link, limits.unknown_links)
        self._fires: _Buckets[bytes] = _Buckets(limits.fires_of_stranger, limits.strangers_met)
        self._further = Bucket(*limits.fires_of_strangers, now)

    def knows(self, address: bytes) -> bool:
        """Whether an address became a device lately."""
        return address in self._met

    def has_fired(self, address: bytes) -> bool:
        """Whether a fire of an address was taken lately: people look at it already."""
        return address in self._fires

    def let_in(self, address: bytes, peer: str, now: float) -> bool:
        """Whether an address may become a device by what is no fire."""
        if address not in self._met:
            if not _take_all((self._new, self._new_of_peer.of(peer, now)), now):
                return False
            self._met[address] = None
            if len(self._met) > self._limits.strangers_met:
                self._met.popitem(last=False)
        self._met.move_to_end(address)
        return True

    def take_fires(self, address: bytes, peer: str, link: int, count: int, now: float) -> bool:
        """Whether a frame with `count` fires is taken. The first of an address is taken whole."""
        if address not in self._fires:
            own = (self._first, self._first_of_peer.of(peer, now), self._first_of_link.of(link, now))
            if not _take_all(own, now):
                return False
            self._fires.of(address, now).spend(count, now)
            self._met[address] = None
            self._met.move_to_end(address)
            return True
        most = int(min(count, self._limits.fires_of_strangers[1]))
        return self._fires.of(address, now).take(count, now) or self._further.take(most, now)


def _take_all(buckets: tuple[Bucket, ...], now: float) -> bool:
    """Take one token from every bucket, or none at all."""
    if not all(bucket.has(1, now) for bucket in buckets):
        return False
    for bucket in buckets:
        bucket.take(1, now)
    return True
