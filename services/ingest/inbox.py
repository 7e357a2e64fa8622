"""What a lane has received and not yet written: deliveries with their receive time, decoded into the next batch.

The session puts, `decode_forever` decodes as they come, the lane takes when its writer is free: so a batch grows while
the one before it is being committed. Fires do not wait behind other events.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from services.core import metrics
from services.core.clock import Clock, wait_at_most
from services.core.mqtt import Delivery
from services.core.topics import EVERY_CHANNEL, Channel
from services.ingest.decode import Message, decode
from services.ingest.moment import to_us

QOS0_WAITING = 4000  # what nobody acknowledges nothing holds back: past so many messages it is dropped
SLICE = 50  # messages decoded between two looks at the rest of the process
PROMPT_US = 5_000_000  # a probe that took longer waited in a queue, and so did what came beside it


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How much a lane takes at once. What it can hold in memory is bounded by the broker's `max_inflight_bytes`."""

    channel: str
    receive_maximum: int
    batch_messages: int
    batch_elements: int
    linger_s: float  # a batch that is not full waits so long for more
    read_pause_s: float  # so long bytes gather in the socket between two reads


LIMITS = {
    # a wide window, so that a fire is seen here and not behind a flood in the broker's queue
    "event": LaneLimits(Channel.EVENT, 20_000, 100, 1000, linger_s=0.002, read_pause_s=0.0),
    "telemetry": LaneLimits(EVERY_CHANNEL, 4000, 1000, 3000, linger_s=0.03, read_pause_s=0.005),
}

# Alerts reads these three ahead of all others and in their own order. A word that stands elsewhere does no harm.
URGENT = (b"fire", b"manual_alarm", b"reset")


@dataclass(slots=True)
class Batch:
    """Decoded deliveries on their way to one commit."""

    deliveries: list[Delivery] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    watermark_us: int | None = None
    first_received_us: int | None = None
    elements: int = 0


class Inbox:
    """One lane's messages between the broker and the writer. `slots_used` counts what Receive Maximum counts."""

    def __init__(self, name: str, limits: LaneLimits, probe_topic: str, clock: Clock) -> None:
        self.slots_used = 0
        self._generation = 0
        self._name = name
        self._limits = limits
        self._probe_topic = probe_topic
        self._clock = clock
        self._urgent: deque[tuple[Delivery | Message, int]] = deque()
        self._waiting: deque[tuple[Delivery | Message, int]] = deque()
        self._open = Batch()
        self._more = asyncio.Event()  # something may be decoded
        self._decoded = asyncio.Event()  # the open batch is not empty
        self._full = asyncio.Event()  # nothing is gained by waiting longer
        self._closed = False
        self._stamp_us: int | None = None
        self._prompt = False  # our own probes come back at once

    # --- the session's side: never blocks ---

    def put(self, delivery: Delivery) -> None:
        """Take one delivery with the time it came."""
        self.begin(delivery.generation)
        if delivery.qos == 0 and len(self._waiting) + len(self._urgent) >= QOS0_WAITING:
            metrics.QOS0_DROPPED.labels(self._name).inc()
            return
        if self._stamp_us is None:  # one look at the clock for all that one read brought
            self._stamp_us = to_us(self._clock.now())
            asyncio.get_running_loop().call_soon(self._forget_stamp)
        self.slots_used += delivery.qos
        urgent = self._name == "event" and is_urgent(delivery.payload)
        (self._urgent if urgent else self._waiting).append((delivery, self._stamp_us))
        self._more.set()

    def put_again(self, messages: list[Message]) -> None:
        """Put decoded rejects in the queue behind what has arrived."""
        now_us = to_us(self._clock.now())
        self._waiting.extend((message, now_us) for message in messages)
        self._more.set()

    def begin(self, generation: int) -> None:
        """Drop what earlier connections brought and nobody decoded: the broker sends it again on this one."""
        if generation == self._generation:
            return  # its first messages came before it was ready
        self._generation = generation
        self.slots_used = 0
        self._prompt = False  # the broker may have kept messages for us: the next probe tells
        for queue in (self._urgent, self._waiting):
            kept = [entry for entry in queue if isinstance(entry[0], Message)]
            queue.clear()
            queue.extend(kept)

    def _forget_stamp(self) -> None:
        self._stamp_us = None

    # --- the lane's side ---

    @property
    def oldest_us(self) -> int | None:
        """Receive time of the oldest message that no batch has taken."""
        heads = [queue[0][1] for queue in (self._urgent, self._waiting) if queue]
        if self._open.first_received_us is not None:
            heads.append(self._open.first_received_us)
        return min(heads, default=None)

    def close(self) -> None:
        """Give out what is decoded, then nothing more."""
        self._closed = True
        self._decoded.set()
        self._full.set()

    def settle(self, batch: Batch) -> None:
        """Free the slots of an acknowledged batch; those of an earlier connection are free already."""
        self.slots_used -= sum(one.qos for one in batch.deliveries if one.generation == self._generation)

    async def take(self) -> Batch | None:
        """Wait for the next batch, at most `linger_s` after its first message came; None once closed and empty."""
        await self._decoded.wait()
        first_us = self._open.first_received_us
        if first_us is not None and not self._full.is_set():
            patience_s = self._limits.linger_s - (to_us(self._clock.now()) - first_us) / 1e6
            if patience_s > 0:
                await wait_at_most(self._full, patience_s)
        if self._open.first_received_us is None:
            return None
        batch, self._open = self._open, Batch()
        if not self._closed:
            self._decoded.clear()
            self._full.clear()
            self._more.set()
        metrics.MESSAGES.labels(self._name).inc(len(batch.deliveries))
        metrics.REDELIVERIES.labels(self._name).inc(sum(delivery.dup for delivery in batch.deliveries))
        return batch

    async def decode_forever(self) -> None:
        """Decode what waits into the open batch until that is full; then wait for the lane to take it."""
        while not self._closed:
            if self._full.is_set() or not (self._urgent or self._waiting):
                self._more.clear()
                await self._more.wait()
                continue
            self._decode_slice()
            await asyncio.sleep(0)  # the other lane's turn

    def _decode_slice(self) -> None:
        batch, limits = self._open, self._limits
        for _ in range(SLICE):
            queue = self._urgent or self._waiting
            if not queue:
                break
            self._add(batch, *queue.popleft())
            if len(batch.messages) >= limits.batch_messages or batch.elements >= limits.batch_elements:
                self._full.set()
                break
        self._decoded.set()

    def _add(self, batch: Batch, item: Delivery | Message, received_us: int) -> None:
        if batch.first_received_us is None:
            batch.first_received_us = received_us
        if isinstance(item, Message):
            message = item
        elif item.topic == self._probe_topic:
            batch.deliveries.append(item)
            if item.payload.isdigit():
                sent_us = int(item.payload)
                batch.watermark_us = max(batch.watermark_us or 0, sent_us)
                self._prompt = received_us - sent_us < PROMPT_US
            return
        else:
            message = decode(item.topic, item.payload, received_us, retained=item.retain)
            message.prompt = self._prompt
            batch.deliveries.append(item)
        batch.messages.append(message)
        batch.elements += message.elements


def is_urgent(payload: bytes) -> bool:
    """Tell whether an event may be a fire, or end one, by a look at its bytes."""
    text = payload.lower()
    return any(word in text for word in URGENT)
