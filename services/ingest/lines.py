"""The lines of all senders that are beyond their share, in turn. Pure; called by inbox, and by relief about the spool.

The lines take turns beside the common queue. A line that grows long is a flood: what leaves it is counted. What is too
much for the memory stands in the spool, in blocks between what is decoded and what came last.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from services.core.mqtt import Delivery
from services.core.topics import Channel
from services.ingest.turns import Item, Kept, Shares, size_of

# One sender with so much waiting is a flood. A device that was without network for a month is not: it brings 43 200
# readings, one a minute, in 72 lists.
FLOOD_EVENTS, FLOOD_MESSAGES, FLOOD_BYTES = 1000, 2000, 16 * 2**20
BLOCK_MESSAGES, BLOCK_BYTES = 200, 64 * 1024  # of the spool: about a turn, or one message that is larger
AT_ONCE_MESSAGES, AT_ONCE_BYTES = 5000, 2 * 2**20  # in one transaction of the spool: a fire may wait for it
OVERHEAD_BYTES = 1024  # what a message costs beside its payload
_EVENT = "/" + Channel.EVENT
Received = tuple[Delivery, int]  # with its receive time


@dataclass(slots=True)
class Block:
    """Messages of one sender, one after the other, on their way to the spool."""

    number: int
    sender: str
    messages: list[Received]


@dataclass(slots=True)
class Line:
    """What one sender has beyond its share: oldest what is decoded, then `kept`, then `spooled`, then `unread`."""

    unread: deque[Received] = field(default_factory=deque)
    spooled: deque[int] = field(default_factory=deque)  # blocks
    kept: deque[Kept] = field(default_factory=deque)  # of blocks that were fetched
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
        return not (self.unread or self.spooled or self.kept or self.urgent or self.plain or self.reading)

    @property
    def weight(self) -> int:
        """About how many bytes its unread messages take."""
        return self.unread_bytes + OVERHEAD_BYTES * len(self.unread)

    @property
    def is_readable(self) -> bool:
        """Whether its next message is at hand."""
        return bool(self.kept or (self.unread and not self.spooled))

    def note_length(self) -> None:
        """Call it a flood once it is long, until it is empty."""
        messages = len(self.unread) + len(self.urgent) + len(self.plain)
        if messages >= FLOOD_MESSAGES or self.events >= FLOOD_EVENTS or self.unread_bytes >= FLOOD_BYTES:
            self.flooding = True


class Lines:
    """The lines, of which `ahead` elements are decoded before their turn.

    A line stands still while its sender has something in the common queue: so each sender keeps its order.
    """

    def __init__(self, shares: Shares, ahead: int) -> None:
        self._shares = shares
        self._ahead = ahead
        self.ready = 0  # elements that are decoded
        self.unread_messages = self.unread_bytes = 0  # of the broker's, in all lines
        self._lines: dict[str, Line] = {}
        self._left: dict[int, int] = {}  # messages and items of fetched blocks that no turn has taken
        self.unread: OrderedDict[str, Line] = OrderedDict()  # who has something to decode, next first
        self._spooled: OrderedDict[str, Line] = OrderedDict()  # who has something in the spool, next first
        self._decoded: OrderedDict[str, Line] = OrderedDict()  # who has something to take, next first

    def __contains__(self, sender: str) -> bool:
        return sender in self._lines

    def add(self, sender: str, delivery: Delivery, received_us: int) -> None:
        """Take a message behind its sender's others."""
        line = self._lines.setdefault(sender, Line())
        line.unread.append((delivery, received_us))
        self._count(line, delivery, 1)
        line.note_length()
        self._may_be_read(sender, line)

    def add_read(self, item: Item) -> None:
        """Take something decoded."""
        line = self._lines.setdefault(item.sender, Line())
        (line.urgent if item.is_urgent else line.plain).append(item)
        line.ready += item.weight
        line.events += item.events
        line.note_length()
        self.ready += item.weight
        self._decoded.setdefault(item.sender, line)

    def next_unread(self) -> tuple[str, Delivery | Kept, int] | None:
        """Return the next message to decode, each sender in turn; None when there is none, or enough is decoded.

        Its sender keeps its line until `was_read`.
        """
        found = self._next_of(self.unread) if self.ready < self._ahead else None
        if found is None:
            return None
        sender, line = found
        message: Delivery | Kept
        if line.kept:
            message = line.kept.popleft()
            received_us = message.received_us
        else:
            message, received_us = line.unread.popleft()
            self._count(line, message, -1)
        line.reading = True
        self._may_be_read(sender, line)  # behind the others
        return sender, message, received_us

    def was_read(self, sender: str, items: Sequence[Item]) -> None:
        """Take what a message from `next_unread` holds."""
        for item in items:
            self.add_read(item)
        if items and (block := items[0].block) is not None:
            self._left[block] += len(items) - 1
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
            item.block = self._over_with(item.block)
            self._strike_if_empty(sender, line)
            yield item

    def drop_deliveries(self) -> None:
        """Forget what a connection brought that is gone: the broker sends it again.

        What was spooled is ours, and what came at QoS 0 comes once.
        """
        lines = list(self._lines.items())
        for ring in (self._lines, self.unread, self._spooled, self._decoded):
            ring.clear()
        self.ready = self.unread_messages = self.unread_bytes = 0
        for sender, line in lines:
            if line.kept or line.spooled:
                fresh = Line(spooled=line.spooled, kept=line.kept, flooding=True)
                self._lines[sender] = fresh
                self._may_be_read(sender, fresh)
            for item in chain(line.urgent, line.plain):
                if item.delivery is None or not item.delivery.qos:
                    self.add_read(item)
            for delivery, received_us in line.unread:
                if not delivery.qos:
                    self.add(sender, delivery, received_us)

    def once(self) -> Iterator[Item | tuple[str, Delivery, int]]:
        """Give what came at QoS 0, of each sender in its order: what is decoded, then messages with sender and time."""
        for sender, line in self._lines.items():
            for item in chain(line.urgent, line.plain):
                if item.delivery is not None and not item.delivery.qos:
                    yield item
            for delivery, received_us in line.unread:
                if not delivery.qos:
                    yield sender, delivery, received_us

    # --- the spool ---

    def overflow(self, down_to_messages: int, down_to_bytes: int, next_number: Callable[[], int]) -> list[Block]:
        """Take out unread messages of the longest lines, oldest first, until no more than that is left, or enough.

        They keep their place: nothing behind them is read before they are.
        """
        blocks: list[Block] = []
        messages = taken_bytes = 0
        for sender, line in sorted(self._lines.items(), key=lambda one: one[1].weight, reverse=True):
            while line.unread and messages < AT_ONCE_MESSAGES and taken_bytes < AT_ONCE_BYTES:
                if self.unread_messages <= down_to_messages and self.unread_bytes <= down_to_bytes:
                    return blocks
                before = self.unread_bytes
                block = self._cut_block(sender, line, next_number())
                blocks.append(block)
                messages += len(block.messages)
                taken_bytes += before - self.unread_bytes
        return blocks

    def restore(self, block: Block, generation: int) -> None:
        """Put back what could not be spooled, last block first; what an earlier connection brought comes again."""
        line = self._lines.get(block.sender)
        if line is None or block.number not in line.spooled:
            return
        line.spooled.remove(block.number)
        for delivery, received_us in reversed(block.messages):
            if delivery.generation == generation or not delivery.qos:
                line.unread.appendleft((delivery, received_us))
                self._count(line, delivery, 1)
        self._may_be_read(block.sender, line)
        self._strike_if_empty(block.sender, line)

    def add_spooled(self, sender: str, number: int) -> None:
        """Take a block of the spool behind its sender's others."""
        line = self._lines.setdefault(sender, Line(flooding=True))
        line.spooled.append(number)
        self._may_be_read(sender, line)

    def wanted(self, most: int) -> dict[int, str]:
        """Return the blocks to fetch now, with their senders: of each line that needs one the next, in turn."""
        numbers: dict[int, str] = {}
        if self.ready >= self._ahead:
            return numbers
        for sender in list(self._spooled)[: most * 2]:
            line = self._spooled[sender]
            self._spooled.move_to_end(sender)
            if not line.kept and len(numbers) < most:
                numbers[line.spooled[0]] = sender
        return numbers

    def fetched(self, sender: str, number: int, messages: Sequence[Kept]) -> None:
        """Take what a block holds: nothing, when its row is gone."""
        line = self._lines.get(sender)
        if line is None or number not in line.spooled:
            return
        line.spooled.remove(number)
        line.kept.extend(messages)
        if messages:
            self._left[number] = len(messages)
        self._may_be_read(sender, line)
        self._strike_if_empty(sender, line)

    def _cut_block(self, sender: str, line: Line, number: int) -> Block:
        block = Block(number, sender, [])
        size = 0
        while line.unread and len(block.messages) < BLOCK_MESSAGES:
            size += size_of(line.unread[0][0])
            if block.messages and size > BLOCK_BYTES:
                break
            received = line.unread.popleft()
            self._count(line, received[0], -1)
            block.messages.append(received)
        line.flooding = True
        line.spooled.append(number)
        self._may_be_read(sender, line)
        return block

    # --- inside ---

    def _count(self, line: Line, delivery: Delivery, sign: int) -> None:
        """Keep the sums over what is unread."""
        size = sign * size_of(delivery)
        line.unread_bytes += size
        line.events += sign * delivery.topic.endswith(_EVENT)
        self.unread_bytes += size
        self.unread_messages += sign

    def _over_with(self, block: int | None) -> int | None:
        """Return the block of an item that was taken if nothing else of it is left: fires overtake the rest of it."""
        if block is None:
            return None
        self._left[block] -= 1
        if self._left[block]:
            return None
        del self._left[block]
        return block

    def _may_be_read(self, sender: str, line: Line) -> None:
        """Let a line stand in the rings that it belongs to, behind the others where it is new there."""
        if line.is_readable:
            self.unread.setdefault(sender, line)
        else:
            self.unread.pop(sender, None)
        if line.spooled:
            self._spooled.setdefault(sender, line)
        else:
            self._spooled.pop(sender, None)

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
