"""Limits how often a password may be tried. Asked by the login; in memory, because one process answers logins."""

from collections import OrderedDict, deque

WINDOW_S = 300.0
TRIES_PER_NAME = 10  # of one address
TRIES_PER_ADDRESS = 50
_REMEMBERED = 10_000


class Throttle:
    """Counts failures per key inside a sliding window; bounded in size."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()

    def wait_s(self, now: float, address: str, name: str) -> float:
        """Return how long this caller must wait before another try; 0 when it may."""
        return max(
            self._wait(now, (address, name), TRIES_PER_NAME),
            self._wait(now, (address,), TRIES_PER_ADDRESS),
        )

    def failed(self, now: float, address: str, name: str) -> None:
        """Count a try; `passed` takes it back when it was right."""
        for key in ((address, name), (address,)):
            self._failures.setdefault(key, deque(maxlen=TRIES_PER_ADDRESS)).append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def passed(self, address: str, name: str) -> None:
        """Forget the failures of a name that got in, and the one try that its address was counted for it."""
        self._failures.pop((address, name), None)
        if tries := self._failures.get((address,)):
            tries.pop()

    def _wait(self, now: float, key: tuple[str, ...], tries: int) -> float:
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        while failures and failures[0] <= now - WINDOW_S:
            failures.popleft()
        if len(failures) < tries:
            return 0.0
        return failures[len(failures) - tries] + WINDOW_S - now
