"""Committed fires that are not judged yet, by sender: no device's flood delays another device's fire.

Filled and emptied by `events`. Pure; promises that each sender keeps its order and no cursor passes a waiting fire.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Generic, Protocol, TypeVar

from services.core.feed import Batch

LIGHT = 20  # a sender with more waiting than this takes turns with all senders that have less
TURN_S = 0.1  # how long other senders may wait for a turn of the flooding ones
FEWEST = 5  # at least this many of a flood in one turn, however long they take, so that the flood ends at last


class Waits(Protocol):
    """Something that can wait; it knows its sender and its batch."""

    @property
    def sender(self) -> str:
        """The device that it came from."""

    @property
    def batch_id(self) -> int:
        """The batch that it was committed with."""


Item = TypeVar("Item", bound=Waits)


class FireQueue(Generic[Item]):
    """The waiting items of each sender, and the batches of each writer that are not judged completely."""

    def __init__(self) -> None:
        self._senders: dict[str, deque[Item]] = {}
        self._batches: dict[str, deque[Batch]] = {}
        self._left: Counter[int] = Counter()
        self._was_heavy = True
        self._heavy_most = FEWEST  # until their cost is known

    def __len__(self) -> int:
        return self._left.total()

    def add(self, batches: Iterable[Batch], items: Iterable[Item]) -> None:
        """Take what was read: of each writer in its order."""
        for batch in batches:
            self._batches.setdefault(batch.writer, deque()).append(batch)
        for item in items:
            self._senders.setdefault(item.sender, deque()).append(item)
            self._left[item.batch_id] += 1

    def next_group(
        self, most: int, counts: Callable[[Item], bool] = lambda _: False, of_counted: int = 0
    ) -> list[Item]:
        """Return up to `most` items to judge in one go; they wait until `finish`.

        Flooding senders get as many as `note_time` found to be quick: each fire of a site with thousands of open ones
        costs milliseconds. Items that are surely only counted, as `counts` says, are none of these `most`,
        up to `of_counted`: they cost next to nothing, and while they wait, reading ahead comes to its end.
        """
        light = [waiting for waiting in self._senders.values() if len(waiting) <= LIGHT]
        heavy = [waiting for waiting in self._senders.values() if len(waiting) > LIGHT]
        self._was_heavy = bool(heavy) and not (light and self._was_heavy)
        if self._was_heavy:
            most = self._heavy_most = min(most, self._heavy_most)
        group: list[Item] = []
        judged = counted = 0
        for item in chain.from_iterable(heavy if self._was_heavy else light):
            if counted < of_counted and counts(item):
                counted += 1
            elif judged < most:
                judged += 1
            else:
                break
            group.append(item)
        return group

    def note_time(self, seconds: float) -> None:
        """Note how long judging the last group took, and make the flood's next turn shorter or longer accordingly."""
        if not self._was_heavy:
            return
        if seconds > TURN_S:
            self._heavy_most = max(FEWEST, self._heavy_most // 2)
        elif seconds < TURN_S / 3:
            self._heavy_most *= 2

    def finish(self, group: Iterable[Item]) -> list[Batch]:
        """Remove a judged group; return the batches that are now complete, which the cursors may pass."""
        for item in group:
            waiting = self._senders.pop(item.sender)
            waiting.popleft()
            if waiting:
                self._senders[item.sender] = waiting  # behind the others
            self._left[item.batch_id] -= 1
        over: list[Batch] = []
        for batches in self._batches.values():
            while batches and not self._left[batches[0].id]:
                over.append(batches.popleft())
                del self._left[over[-1].id]
        return over

    def put_back(self, group: Sequence[Item], over: Sequence[Batch]) -> None:
        """Undo `finish`, whose group was not judged, or not all of it: each sender goes on with it."""
        for item in reversed(group):
            self._senders[item.sender] = self._senders.pop(item.sender, deque())
            self._senders[item.sender].appendleft(item)
            self._left[item.batch_id] += 1
        for batch in reversed(over):
            self._batches[batch.writer].appendleft(batch)
