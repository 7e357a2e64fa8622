"""Rows that may not go up yet, because the county names an event by its id alone. Pure; used by carrier.

Promises that nothing a device said later goes past what it said before of the same component, or of the whole device.
"""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.relay.lanes import Lane
from services.relay.packing import Row

P = TypeVar("P")
WHOLE = ""  # the part of what is said of a device as a whole


@dataclass(slots=True)
class _Queue(Generic[P]):
    """What one device said over one lane."""

    rows: deque[tuple[Row, P]] = field(default_factory=deque)
    parts: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row, page: P) -> None:
        self.rows.append((row, page))
        self.parts[row.part] += 1

    def stands_before(self, row: Row) -> bool:
        return bool(self.parts) and (row.part == WHOLE or WHOLE in self.parts or row.part in self.parts)


class Held(Generic[P]):
    """The rows that wait, each with what it belongs to: `P` is the carrier's page."""

    def __init__(self) -> None:
        self._queues: dict[tuple[Lane, str], _Queue[P]] = {}
        self._keys: Counter[Hashable] = Counter()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def stands_before(self, lane: Lane, row: Row) -> bool:
        """Whether something waits that its device said before it of the same component, or of the whole device."""
        queue = self._queues.get((lane, row.topic))
        return queue is not None and queue.stands_before(row)

    def add(self, lane: Lane, row: Row, page: P) -> None:
        """Let a row wait behind its device's others."""
        self._queues.setdefault((lane, row.topic), _Queue()).add(row, page)
        self._keys[row.key] += 1

    def release(self, key: Hashable, is_busy: Callable[[Hashable], bool]) -> Iterator[tuple[Lane, Row, P]]:
        """Yield what need not wait any more now that `key` is free, in order. Of one key only the first goes."""
        if key not in self._keys:
            return
        going: set[Hashable] = set()
        for place in sorted(place for place, queue in self._queues.items() if any(r.key == key for r, _ in queue.rows)):
            left = _Queue[P]()
            waiting: set[Hashable] = set()
            for row, page in self._queues.pop(place).rows:
                if row.key in going or row.key in waiting or is_busy(row.key) or left.stands_before(row):
                    left.add(row, page)
                    waiting.add(row.key)
                    continue
                going.add(row.key)
                self._keys[row.key] -= 1
                if not self._keys[row.key]:
                    del self._keys[row.key]
                yield place[0], row, page
            if left.rows:
                self._queues[place] = left
