"""What waits in a lane, cut into turns, and each sender's share of the common queue. Pure; called by inbox and lines.

A sender has a small share of the common queue. What it sends beyond waits in a line of its own (lines).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from services.core.contracts import MAX_EVENTS, EventType
from services.core.mqtt import Delivery
from services.core.topics import LONGEST, parse_topic
from services.ingest.decode import Message
from services.ingest.isolate import part_of

SHARE_MESSAGES, SHARE_BYTES = 20, 16 * 1024  # of the common queue, for one sender
LEAST_BYTES = SHARE_BYTES // SHARE_MESSAGES  # what the smallest message counts for
# Alerts reads these three ahead of all others and in their own order.
URGENT_TYPES = frozenset({EventType.FIRE, EventType.MANUAL_ALARM, EventType.RESET})


Marks = Sequence[tuple[str, str]]
"""User properties of a message."""


class Kept(NamedTuple):
    """A message that was in the spool: the broker was told that we have it, its device was not."""

    topic: str
    payload: bytes
    retain: bool
    received_us: int
    marks: Marks = ()  # those that ingest reads
    block: int | None = None  # of the spool, where it stands


@dataclass(slots=True)
class Item:
    """Something decoded. `message` is None for a probe; `last` tells that its delivery is over with it."""

    sender: str
    delivery: Delivery | None
    message: Message | None
    received_us: int
    last: bool = True
    block: int | None = None  # of the spool; once it is taken only where the block is over with it
    elements: int = field(init=False)  # how many rows it makes; needed at every step, so computed once

    def __post_init__(self) -> None:
        message = self.message
        self.elements = 0 if message is None else len(message.readings) + len(message.events) + len(message.rejects)

    @property
    def events(self) -> int:
        """How many of its rows are events or rejects."""
        return 0 if self.message is None else len(self.message.events) + len(self.message.rejects)

    @property
    def weight(self) -> int:
        """What it counts for in a turn: a message without rows counts as well."""
        return max(1, self.elements)

    @property
    def is_urgent(self) -> bool:
        """Whether it holds a fire, or what ends one, by the type it names."""
        if self.message is None or not self.message.events:
            return False
        return any(event.type in URGENT_TYPES for event in self.message.events)


def sender_of(topic: str) -> str:
    """Return the device that a topic names; any other topic is a sender of its own."""
    return (find_sender if len(topic) <= LONGEST else find_sender.__wrapped__)(topic)


def size_of(delivery: Delivery) -> int:
    """Return how many bytes a message has, its topic counted beyond what one of ours may have."""
    return len(delivery.payload) + max(0, len(delivery.topic) - LONGEST)


@lru_cache(maxsize=65_536)  # as many as parse_topic
def find_sender(topic: str) -> str:
    """Return the same of a topic that is short enough to be remembered."""
    parsed = parse_topic(topic)
    if parsed is not None:
        return parsed.device
    parts = topic.split("/", 5)
    return parts[4] if len(parts) == 6 else topic


def cut(item: Item) -> Sequence[Item]:
    """Cut a long list of events into turns of 100 elements, its fires first; the device is answered after the last.

    A list with readings stays whole: it is bounded, and its newest reading must be told from those before it.
    """
    message = item.message
    if message is None or message.readings or len(message.events) + len(message.rejects) <= MAX_EVENTS:
        return (item,)
    items = []
    urgent = [event for event in message.events if event.type in URGENT_TYPES]
    others = [event for event in message.events if event.type not in URGENT_TYPES]
    parts: list[tuple[str, object]] = [("events", event) for event in chain(urgent, others)]
    parts += [("rejects", reject) for reject in message.rejects]
    for start in range(0, len(parts), MAX_EVENTS):
        last = start + MAX_EVENTS >= len(parts)
        part = part_of(message, parts[start : start + MAX_EVENTS])
        if last:
            part.ack_ids, part.mended = message.ack_ids, message.mended
            part.whole = not message.events  # everything in it was refused: that counts once
        items.append(Item(item.sender, item.delivery, part, item.received_us, last, item.block))
    return items


class Shares:
    """How many bytes of the common queue each sender fills; a message counts for a twentieth of a share at least."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}

    def __contains__(self, sender: str) -> bool:
        return sender in self._held

    def take(self, sender: str, size: int) -> bool:
        """Take room for a message; False when that is beyond the sender's share."""
        held = self._held.get(sender, 0) + (max(LEAST_BYTES, size))
        if held > SHARE_BYTES:
            return False
        self._held[sender] = held
        return True

    def give_back(self, sender: str, size: int) -> None:
        """Free the room of a message that a batch has taken."""
        held = self._held.pop(sender, 0) - (max(LEAST_BYTES, size))
        if held > 0:
            self._held[sender] = held

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
