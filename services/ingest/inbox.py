"""What a lane has received and not yet written: deliveries with their receive time, decoded, in turn.

The session puts, `decode_forever` decodes as they come, the lane takes when its writer is free: so a batch grows while
the one before it is being committed. Fires do not wait behind other events, and no sender behind another's flood.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from services.core import metrics
from services.core.clock import Clock, wait_at_most
from services.core.moment import to_us
from services.core.mqtt import Delivery
from services.ingest.decode import Message, decode, decode_marked
from services.ingest.lane_limits import LaneLimits
from services.ingest.lines import Block, Lines
from services.ingest.turns import Item, Kept, Shares, cut, sender_of
from services.ingest.unheld import Unheld

SLICE, SLICE_ELEMENTS = 50, 600  # messages and elements decoded before the event loop gets a turn
PROMPT_US = 5_000_000  # a probe that took longer has waited in a queue, and so have the messages around it
JUST_US = 1_000_000  # stamps run ahead of the clock by less: a microsecond for each message of one read
LARGE_BYTES = 16 * 1024  # a larger message is decoded in a thread: the loop goes on
REPLAYS = ""  # the sender of what is decoded again


@dataclass(slots=True)
class Batch:
    """Decoded deliveries on their way to one commit."""

    deliveries: list[Delivery] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)  # blocks of the spool
    watermark_us: int | None = None
    first_received_us: int | None = None  # not counting what is beyond a sender's share
    elements: int = 0


class Inbox:
    """One lane's messages between the broker and the writer. `slots_used` counts what Receive Maximum counts."""

    def __init__(self, name: str, limits: LaneLimits, probe_topic: str, clock: Clock) -> None:
        self.slots_used = 0
        self._generation = 0
        self._stamped_us = 0  # the newest receive time that was given
        self._name = name
        self._limits = limits
        self._probe_topic = probe_topic
        self._clock = clock
        self._unread: deque[tuple[str, Delivery, int]] = deque()
        self._urgent: deque[Item] = deque()
        self._plain: deque[Item] = deque()
        self._ready = 0  # elements in these two
        self._shares = Shares()
        self.lines = Lines(self._shares, limits.ahead_in_lines)
        self.unheld = Unheld()
        self._more = asyncio.Event()  # set when something can be decoded
        self._more_lines = asyncio.Event()
        self.decoded = asyncio.Event()  # set when something can be taken
        self._full = asyncio.Event()  # set when waiting longer gains nothing
        self._closed = False
        self._prompt = False  # whether our own probes come back at once

    # --- the session's side: never blocks ---

    def put(self, deliveries: Sequence[Delivery]) -> None:
        """Take what came at once, of one connection, with the time it came: each message has a microsecond of its own.

        What has one receive time is one message to the rules, which judge only its newest reading.
        """
        if not deliveries:
            return
        if deliveries[0].generation != self._generation:
            self.begin(deliveries[0].generation)
        first_us = to_us(self._clock.now())
        if 0 <= self._stamped_us - first_us < JUST_US:  # more is a clock that was set back
            first_us = self._stamped_us + 1
        self._stamped_us = first_us + len(deliveries) - 1
        lines, shares, unread = self.lines, self._shares, self._unread
        for received_us, delivery in enumerate(deliveries, first_us):
            sender = sender_of(delivery.topic)
            if delivery.qos == 0 and not self.unheld.take(sender, delivery):
                metrics.QOS0_DROPPED.labels(self._name).inc()
                continue
            self.slots_used += delivery.qos
            if sender not in lines and shares.take(sender, len(delivery.payload)):
                unread.append((sender, delivery, received_us))
            else:
                lines.add(sender, delivery, received_us)
                self._more_lines.set()
        if unread:
            self._more.set()

    def put_again(self, messages: list[Message]) -> None:
        """Put decoded rejects in a line of their own."""
        now_us = to_us(self._clock.now())
        for message in messages:
            self.lines.add_read(Item(REPLAYS, None, message, now_us))
        self._tell()

    def begin(self, generation: int) -> None:
        """Drop what earlier connections brought and no batch took: the broker sends it again on this one.

        It does not send again what came at QoS 0.
        """
        if generation == self._generation:
            return  # its first messages came before it was ready
        self._generation = generation
        self.slots_used = 0
        self._prompt = False  # the broker may have kept messages for us: the next probe tells
        self._shares.clear()
        self.lines.drop_deliveries()
        self._unread = deque(one for one in self._unread if not one[1].qos)
        self._urgent, self._plain = (deque(filter(_comes_once, queue)) for queue in (self._urgent, self._plain))
        decoded = [*self._urgent, *self._plain]
        self._ready = sum(item.elements for item in decoded)
        kept = [(item.sender, item.delivery) for item in decoded if item.delivery is not None]
        for sender, delivery in kept + [one[:2] for one in self._unread]:
            self._shares.take(sender, len(delivery.payload))
        self._more.set()
        self._more_lines.set()

    # --- the lane's side ---

    @property
    def oldest_us(self) -> int | None:
        """Receive time of the oldest message that no batch has taken, not counting what is beyond a sender's share."""
        heads = [queue[0].received_us for queue in (self._urgent, self._plain) if queue]
        if self._unread:
            heads.append(self._unread[0][2])
        return min(heads, default=None)

    def close(self) -> None:
        """Give out what is decoded of the common queue, then no more, and end the decoding: the broker has the rest.

        It does not have what came at QoS 0: that is left for `rest`.
        """
        self._closed = True
        for told in (self.decoded, self._full, self._more, self._more_lines):
            told.set()

    def rest(self) -> Iterator[Batch]:
        """Give what came at QoS 0 and no batch took. Only once closed, when nothing is decoded and nothing comes."""
        batch = Batch()
        for one in [one for one in self._unread if not one[1].qos] + list(self.lines.once()):
            self._add(batch, one if isinstance(one, Item) else self._read(*one))
            if len(batch.messages) >= self._limits.batch_messages or batch.elements >= self._limits.batch_elements:
                yield batch
                batch = Batch()
        if batch.deliveries or batch.messages:
            yield batch

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Free the slots of what is acknowledged; those of an earlier connection are free already."""
        self.slots_used -= sum(one.qos for one in deliveries if one.generation == self._generation)

    def settle_spooled(self, deliveries: Iterable[Delivery]) -> None:
        """The same for what went from the lines into the spool."""
        for delivery in deliveries:
            if delivery.qos == 0:
                self.unheld.give_back(sender_of(delivery.topic), delivery)
        self.settle(deliveries)

    def restore(self, block: Block) -> None:
        """Put messages back into their line that could not be spooled."""
        self.lines.restore(block, self._generation)
        self.look_at_lines()

    def look_at_lines(self) -> None:
        """Go on decoding: the lines have something that did not come from the broker."""
        self._more_lines.set()

    async def take(self) -> Batch | None:
        """Wait for the next batch, at most `linger_s` after its first message came; None once closed and empty."""
        await self.decoded.wait()
        first_us = self.oldest_us
        if first_us is not None and not self._full.is_set():
            waited_s = max(0.0, (to_us(self._clock.now()) - first_us) / 1e6)  # a clock that was set back says -3600
            if waited_s < self._limits.linger_s:
                await wait_at_most(self._full, self._limits.linger_s - waited_s)
        batch = self._compose()
        if self._closed and batch.first_received_us is None:
            return None
        if not self._closed:
            self.decoded.clear()
            self._full.clear()
            self._tell()
            self._more.set()
            self._more_lines.set()
        metrics.MESSAGES.labels(self._name).inc(len(batch.deliveries))
        metrics.REDELIVERIES.labels(self._name).inc(sum(delivery.dup for delivery in batch.deliveries))
        return batch

    def _compose(self) -> Batch:
        """Take what has waited longest, fires first, and the turn of those who are beyond their share."""
        batch, limits = Batch(), self._limits
        taken = elements = 0
        first_us: int | None = None
        for queue in (self._urgent, self._plain):
            while queue and taken < limits.batch_messages and elements < limits.batch_elements:
                item = queue.popleft()
                taken += 1
                elements += item.elements
                if first_us is None or item.received_us < first_us:
                    first_us = item.received_us
                if item.delivery is not None:
                    self._shares.give_back(item.sender, len(item.delivery.payload))
                self._add(batch, item)
        self._ready -= elements
        batch.first_received_us = first_us
        for item in () if self._closed else self.lines.turn(limits.turn_elements):
            self._add(batch, item)
        return batch

    def _add(self, batch: Batch, item: Item) -> None:
        if item.block is not None:
            batch.finished.append(item.block)
        if item.delivery is not None and item.last:
            batch.deliveries.append(item.delivery)
            if item.delivery.qos == 0:
                self.unheld.give_back(item.sender, item.delivery)
        if item.message is not None:
            batch.messages.append(item.message)
            batch.elements += item.elements
        elif item.delivery is not None and item.delivery.payload.isdigit():
            batch.watermark_us = max(batch.watermark_us or 0, int(item.delivery.payload[:16]))

    # --- decoding ---

    async def decode_forever(self) -> None:
        """Decode what waits, in two ways side by side: the common queue, and the lines of those beyond their share."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._decode_common(), name=f"{self._name} decode")
            both.create_task(self._decode_lines(), name=f"{self._name} decode lines")

    async def _decode_common(self) -> None:
        while not self._closed:
            if not self._unread or self._ready >= self._limits.ahead_elements:
                self._more.clear()
                await self._more.wait()
                continue
            self._decode_slice()
            await asyncio.sleep(0)  # the other lane's turn

    def _decode_slice(self) -> None:
        elements = 0
        for _ in range(min(SLICE, len(self._unread))):
            item = self._read(*self._unread.popleft())
            elements += item.elements
            if item.elements < 2 and item.sender not in self.lines:  # nearly all there are: nothing to cut
                (self._urgent if item.is_urgent else self._plain).append(item)
                self._ready += item.elements
                continue
            first, *others = cut(item)
            if item.sender in self.lines and item.delivery is not None:  # behind the rest of its long list
                self._shares.give_back(item.sender, len(item.delivery.payload))
                others.insert(0, first)
            else:
                (self._urgent if first.is_urgent else self._plain).append(first)
                self._ready += first.elements
            for part in others:
                self.lines.add_read(part)
            if elements >= SLICE_ELEMENTS or self._ready >= self._limits.ahead_elements:
                break
        self._tell()

    async def _decode_lines(self) -> None:
        while not self._closed:
            found = self.lines.next_unread()
            if found is None:
                self._more_lines.clear()
                await self._more_lines.wait()
                continue
            sender, message, _ = found
            if len(message.payload) > LARGE_BYTES:
                item = await asyncio.to_thread(self._read, *found)
            else:
                item = self._read(*found)
            ours = isinstance(message, Kept) or not message.qos or message.generation == self._generation
            self.lines.was_read(sender, cut(item) if ours else ())  # else the broker sends it again
            self._tell()
            await asyncio.sleep(0)

    def _read(self, sender: str, delivery: Delivery | Kept, received_us: int) -> Item:
        if isinstance(delivery, Kept):
            message = _decode(delivery, received_us)
            message.prompt = False
            return Item(sender, None, message, received_us, block=delivery.block)
        if delivery.topic == self._probe_topic:
            if delivery.payload.isdigit():
                self._prompt = received_us - int(delivery.payload[:16]) < PROMPT_US
            return Item(sender, delivery, None, received_us)
        message = _decode(delivery, received_us)
        message.prompt = self._prompt
        return Item(sender, delivery, message, received_us)

    def _tell(self) -> None:
        """Say that there is something to take, and whether it makes a full batch."""
        limits, taken = self._limits, len(self._urgent) + len(self._plain)
        if taken or self.lines.ready:
            self.decoded.set()
        if (
            taken >= limits.batch_messages
            or self._ready >= limits.batch_elements
            or self.lines.ready >= limits.turn_elements
        ):
            self._full.set()


def _decode(one: Delivery | Kept, received_us: int) -> Message:
    if one.marks:
        return decode_marked(one.topic, one.payload, received_us, one.marks, retained=one.retain)
    return decode(one.topic, one.payload, received_us, retained=one.retain)


def _comes_once(item: Item) -> bool:
    return item.delivery is not None and not item.delivery.qos
