"""Who waits in a lane, and whose turn it is: no sender's flood stands before another's message. Pure; called by inbox.

A sender has a small share of the common queue. What it sends beyond waits in a line of its own, and the lines take
turns beside the common queue. A line that grows long is a flood: what leaves it is counted.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from services.core.contracts import MAX_EVENTS, EventType
from services.core.mqtt import Delivery
from services.core.topics import Channel
from services.ingest.decode import Message
from services.ingest.isolate import part_of

SHARE_MESSAGES, SHARE_BYTES = 20, 16 * 1024  # of the common queue, for one sender
# One sender with so much waiting is a flood. A device that was without network for a month is not: it brings 43 200
# readings, one a minute, in 72 lists.
FLOOD_EVENTS, FLOOD_MESSAGES, FLOOD_BYTES = 1000, 2000, 16 * 2**20
READ_AHEAD = 4000  # elements of all lines that are decoded and wait
_EVENT = "/" + Channel.EVENT
# Alerts reads these three ahead of all others and in their own order.
URGENT_TYPES = frozenset({EventType.FIRE, EventType.MANUAL_ALARM, EventType.RESET})


@dataclass(slots=True)
class Item:
    """Something decoded. `message` is None for a probe; `last` tells that its delivery is over with it."""

    sender: str
    delivery: Delivery | None
    message: Message | None
    received_us: int
    last: bool = True
    elements: int = field(init=False)  # how many rows it makes; needed at every step, so computed once

    def __post_init__(self) -> None:
        self.elements = 0 if self.message is None else self.message.elements

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
        items.append(Item(item.sender, item.delivery, part, item.received_us, last))
    return items


class Shares:
    """How much of the common queue each sender fills."""

    def __init__(self) -> None:
        self._held: dict[str, list[int]] = {}

    def __contains__(self, sender: str) -> bool:
        return sender in self._held

    def take(self, sender: str, size: int) -> bool:
        """Take room for a message; False when that is beyond the sender's share."""
        held = self._held.get(sender)
        if held is None:
            if size > SHARE_BYTES:
                return False
            self._held[sender] = [1, size]
            return True
        if held[0] >= SHARE_MESSAGES or held[1] + size > SHARE_BYTES:
            return False
        held[0] += 1
        held[1] += size
        return True

    def give_back(self, sender: str, size: int) -> None:
        """Free the room of a message that a batch has taken."""
        held = self._held.get(sender)
        if held is None:
            return
        held[0] -= 1
        held[1] -= size
        if held[0] <= 0:
            del self._held[sender]

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()


@dataclass(slots=True)
class Line:
    """What one sender has beyond its share."""

    unread: deque[tuple[Delivery, int]] = field(default_factory=deque)
    urgent: deque[Item] = field(default_factory=deque)
    plain: deque[Item] = field(default_factory=deque)
    unread_bytes: int = 0
    events: int = 0  # and rejects; at least one for each message on the channel of events
    ready: int = 0  # elements
    reading: bool = False  # one of its messages is being decoded
    flooding: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not (self.unread or self.urgent or self.plain or self.reading)

    def note_length(self) -> None:
        """Call it a flood once it is long, until it is empty."""
        messages = len(self.unread) + len(self.urgent) + len(self.plain)
        if messages >= FLOOD_MESSAGES or self.events >= FLOOD_EVENTS or self.unread_bytes >= FLOOD_BYTES:
            self.flooding = True


class Lines:
    """The lines of all senders that are beyond their share, in turn.

    A line stands still while its sender has something in the common queue: so each sender keeps its order.
    """

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self.ready = 0  # elements that are decoded
        self._lines: dict[str, Line] = {}
        self.unread: OrderedDict[str, Line] = OrderedDict()  # who has something to decode, next first
        self._decoded: OrderedDict[str, Line] = OrderedDict()  # who has something to take, next first

    def __contains__(self, sender: str) -> bool:
        return sender in self._lines

    def add(self, sender: str, delivery: Delivery, received_us: int) -> None:
        """Take a message behind its sender's others."""
        line = self._lines.setdefault(sender, Line())
        line.unread.append((delivery, received_us))
        line.unread_bytes += len(delivery.payload)
        line.events += delivery.topic.endswith(_EVENT)
        line.note_length()
        self.unread.setdefault(sender, line)

    def add_read(self, item: Item) -> None:
        """Take something decoded."""
        line = self._lines.setdefault(item.sender, Line())
        (line.urgent if item.is_urgent else line.plain).append(item)
        line.ready += item.weight
        line.events += item.events
        line.note_length()
        self.ready += item.weight
        self._decoded.setdefault(item.sender, line)

    def next_unread(self) -> tuple[str, Delivery, int] | None:
        """Return the next message to decode, each sender in turn; None when there is none, or enough is decoded.

        Its sender keeps its line until `was_read`.
        """
        found = self._next_of(self.unread) if self.ready < READ_AHEAD else None
        if found is None:
            return None
        sender, line = found
        delivery, received_us = line.unread.popleft()
        line.unread_bytes -= len(delivery.payload)
        line.events -= delivery.topic.endswith(_EVENT)
        line.reading = True
        if line.unread:
            self.unread[sender] = line  # behind the others
        return sender, delivery, received_us

    def was_read(self, sender: str, items: Iterable[Item]) -> None:
        """Take what a message from `next_unread` holds."""
        for item in items:
            self.add_read(item)
        line = self._lines.get(sender)
        if line is not None:
            line.reading = False
            self._strike_if_empty(sender, line)

    def turn(self, most: int) -> Iterator[Item]:
        """Yield decoded items, one of each sender in turn and its fires first, until they make `most` elements."""
        taken = 0
        while taken < most and (found := self._next_of(self._decoded)):
            sender, line = found
            item = (line.urgent or line.plain).popleft()
            line.ready -= item.weight
            line.events -= item.events
            self.ready -= item.weight
            taken += item.weight
            if line.urgent or line.plain:
                self._decoded[sender] = line  # behind the others
            if item.message is not None:
                item.message.flooding = line.flooding
            self._strike_if_empty(sender, line)
            yield item

    def drop_deliveries(self) -> None:
        """Forget what a connection brought that is gone: the broker sends it again."""
        lines, self._lines = self._lines, {}
        self.unread.clear()
        self._decoded.clear()
        self.ready = 0
        for item in [item for line in lines.values() for item in chain(line.urgent, line.plain)]:
            if item.delivery is None:
                self.add_read(item)

    def _next_of(self, ring: OrderedDict[str, Line]) -> tuple[str, Line] | None:
        """Take out the next sender that has nothing in the common queue."""
        for _ in range(len(ring)):
            sender, line = ring.popitem(last=False)
            if sender not in self._shares:
                return sender, line
            ring[sender] = line
        return None

    def _strike_if_empty(self, sender: str, line: Line) -> None:
        """Let a sender that has nothing waiting have its share of the common queue again."""
        if line.is_empty:
            del self._lines[sender]
