"""Limits how often a password may be tried. Asked by the login; in memory, because one process answers logins.

Promises that guessing stays slow, and that nobody's guesses lock out somebody else: not at the address they share (an
office, a proxy that is not named as trusted), and not an account at an address from which it has signed in before.
There, even guesses of that very name only slow it down to a try every ten seconds.
"""

from collections import OrderedDict, deque

WINDOW_S = 300.0
TRIES = 10  # of one name at one address
TRIES_AT_HOT_ADDRESS = 2  # of one name, once its address has failed `HOT_AFTER` times with any names
HOT_AFTER = 50
LONGEST_SLOWED_S = 10.0  # between two tries of a name where it has signed in before
TRIES_OF_NAME = 100  # at addresses from which it has never signed in, all together
_REMEMBERED = 10_000


class Throttle:
    """Counts failures per key inside a sliding window; bounded in size."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()  # names that have signed in, by address

    def wait_s(self, now: float, place: str, name: str) -> float:
        """Return how long this caller must wait before another try; 0 when it may."""
        if self.knows(place, name):
            return self._slowed(now, (place, name))
        hot = self._wait(now, (place, ""), HOT_AFTER) > 0
        return max(
            self._wait(now, (place, name), TRIES_AT_HOT_ADDRESS if hot else TRIES),
            self._wait(now, ("", name), TRIES_OF_NAME),
        )

    def knows(self, place: str, name: str) -> bool:
        """Whether this name has signed in from here."""
        return (place, name) in self._known

    def lane_of(self, place: str, name: str) -> str:
        """Return whose tries it waits behind: the strangers' of its address, or its own where the name is known."""
        return f"{place} {name}" if self.knows(place, name) else place

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

    def learn(self, place: str, name: str) -> None:
        """Remember that this name has signed in from here."""
        self._known[place, name] = None
        self._known.move_to_end((place, name))
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _recent(self, now: float, key: tuple[str, str]) -> deque[float]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= now - WINDOW_S:
            failures.popleft()
        return failures

    def _wait(self, now: float, key: tuple[str, str], tries: int) -> float:
        failures = self._recent(now, key)
        return 0.0 if len(failures) < tries else failures[len(failures) - tries] + WINDOW_S - now

    def _slowed(self, now: float, key: tuple[str, str]) -> float:
        failures = self._recent(now, key)
        beyond = len(failures) - TRIES
        return 0.0 if beyond < 0 else max(0.0, failures[-1] + min(LONGEST_SLOWED_S, 2.0**beyond) - now)


class OwnTries(Throttle):
    """Tries of people who are signed in at their own password: whoever guesses it from outside does not stop them."""
