"""Limits how often a password may be tried. Asked by the login; in memory, because one process answers logins.

Promises that guessing stays slow, and that nobody's guesses lock out somebody else: not at the address they share (an
office, a proxy that is not named as trusted), and not an account at an address from which it has signed in before.
"""

import ipaddress
from collections import OrderedDict, deque

WINDOW_S = 300.0
TRIES = 10  # of one name at one address
TRIES_AT_HOT_ADDRESS = 2  # of one name, once its address has failed `HOT_AFTER` times with any names
HOT_AFTER = 50
TRIES_OF_NAME = 100  # at addresses from which it has never signed in, all together
_REMEMBERED = 10_000
_IPV6_NETWORK = 64  # bits: one line has as many addresses as it likes


def place_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
    return str(parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else address


class Throttle:
    """Counts failures per key inside a sliding window; bounded in size."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()  # who has signed in from where

    def wait_s(self, now: float, place: str, name: str) -> float:
        """Return how long this caller must wait before another try; 0 when it may."""
        hot = self._wait(now, (place, ""), HOT_AFTER) > 0
        known = (place, name) in self._known
        return max(
            self._wait(now, (place, name), TRIES_AT_HOT_ADDRESS if hot and not known else TRIES),
            0.0 if known else self._wait(now, ("", name), TRIES_OF_NAME),
        )

    def failed(self, now: float, place: str, name: str) -> None:
        """Count a try; `passed` takes it back when it was right."""
        for key in ((place, name), (place, ""), ("", name)):
            self._failures.setdefault(key, deque(maxlen=TRIES_OF_NAME)).append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def passed(self, place: str, name: str) -> None:
        """Forget the failures of a name where it got in, and the one try that was counted elsewhere for it."""
        self._failures.pop((place, name), None)
        for key in ((place, ""), ("", name)):
            if tries := self._failures.get(key):
                tries.pop()
        self._known[place, name] = None
        self._known.move_to_end((place, name))
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _wait(self, now: float, key: tuple[str, str], tries: int) -> float:
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        while failures and failures[0] <= now - WINDOW_S:
            failures.popleft()
        if len(failures) < tries:
            return 0.0
        return failures[len(failures) - tries] + WINDOW_S - now
