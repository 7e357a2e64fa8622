"""Deliveries that wait for one subscriber: in order per subject, subjects side by side. Pure.

Filled and emptied by `courier`. Promises that of one subject nothing is taken while an earlier one is under way or
waits to be tried again.
"""

import heapq
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(slots=True, weakref_slot=True)
class Event:
    """An event: one object for all subscribers.

    `alarm_id` is set if a CAP message belongs to it; `cap` is that message once it was made.
    """

    number: int
    uid: UUID
    made_at: datetime
    body: bytes
    alarm_id: int | None = None
    cap: bytes | None = None


@dataclass(slots=True)
class Delivery:
    """One event for one subscriber."""

    event: Event
    subject: str
    attempts: int
    due_at: datetime
    expires_at: datetime

    @property
    def number(self) -> int:
        """The event's place in the order of all."""
        return self.event.number


class Subjects:
    """The deliveries of one subscriber by subject."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Delivery]] = {}
        self._under_way: set[str] = set()
        self._due: list[tuple[datetime, int, str]] = []  # heads; an entry that no longer fits is passed over
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def known(self) -> dict[int, Delivery]:
        """Return what waits by its number."""
        return {delivery.number: delivery for line in self._waiting.values() for delivery in line}

    def add(self, delivery: Delivery, *, under_way: bool = False) -> None:
        """Put a delivery behind the others of its subject."""
        line = self._waiting.setdefault(delivery.subject, deque())
        line.append(delivery)
        self._size += 1
        if under_way:
            self._under_way.add(delivery.subject)
        elif len(line) == 1:
            self._push(delivery)

    def take(self, now: datetime) -> Delivery | None:
        """Return the subject head that has been due longest, and hold its subject until `finish` or `put_back`."""
        while self._due and self._due[0][0] <= now:
            head = self._head(heapq.heappop(self._due))
            if head is not None:
                self._under_way.add(head.subject)
                return head
        return None

    def finish(self, delivery: Delivery) -> None:
        """Take a delivery out: accepted or given up."""
        line = self._waiting[delivery.subject]
        line.popleft()
        self._size -= 1
        self._under_way.discard(delivery.subject)
        if line:
            self._push(line[0])
        else:
            del self._waiting[delivery.subject]

    def put_back(self, delivery: Delivery, due_at: datetime) -> None:
        """Let a delivery wait at the head of its subject until `due_at`."""
        delivery.due_at = due_at
        self._under_way.discard(delivery.subject)
        self._push(delivery)

    def release(self, now: datetime) -> None:
        """Let every head that waits to be tried again be due."""
        for subject, line in self._waiting.items():
            if subject not in self._under_way and line[0].due_at > now:
                self.put_back(line[0], now)

    def next_due(self) -> datetime | None:
        """Return when the next head is due."""
        while self._due:
            if self._head(self._due[0]) is not None:
                return self._due[0][0]
            heapq.heappop(self._due)
        return None

    def _push(self, delivery: Delivery) -> None:
        heapq.heappush(self._due, (delivery.due_at, delivery.number, delivery.subject))

    def _head(self, entry: tuple[datetime, int, str]) -> Delivery | None:
        due_at, number, subject = entry
        line = self._waiting.get(subject)
        if line is None or subject in self._under_way or line[0].number != number or line[0].due_at != due_at:
            return None
        return line[0]
