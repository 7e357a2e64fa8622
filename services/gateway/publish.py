"""Publishes what the journal holds and knows when it is stored: events by `down/ack`, telemetry by the broker's word.

Called by intake.py, tells back through `on_stored`. Promises: fires leave first; strangers have few messages on their
way at a time, so that registered panels never wait behind a crowd of them; an event is sent again, byte for byte, until
it is acknowledged; so is telemetry that the broker took just before a lost connection.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from pydantic import ValidationError

from services.core.clock import Clock
from services.core.contracts import Ack, Status
from services.core.log import logger
from services.core.mqtt import Delivery, OutgoingFull, PublishRefused, Session, SessionClosed
from services.core.text import describe_error
from services.core.topics import Channel, Topic, parse_topic
from services.gateway.records import Message, Record

log = logger(__name__)

IN_FLIGHT = 200  # a fire waits behind at most so many messages at the broker
HINTS_UNTIL = 2000  # messages without the broker's word; beyond, a status is left out
RESEND_FIRST_S, RESEND_CAP_S = 10.0, 300.0  # contract 3
STRANGERS_PUBLISHED = 40  # records of theirs at the broker and not stored yet
DOUBT_S = 2.0  # a broker's acknowledgement may precede its own write by one turn of its loop


@dataclass(slots=True, eq=False)
class _Sending:
    record: Record
    message: Message
    mark: str  # what is open while it is not stored: "#position"
    resend_after_s: float = RESEND_FIRST_S
    due: float = 0.0  # monotonic, of the next repeat; 0: not at the broker yet
    acknowledged: float = 0.0  # monotonic, of the broker's acknowledgement of telemetry
    is_behind: bool = False  # beside a fire, and something of its panel waits that was said before and is ordinary too

    @property
    def turn(self) -> tuple[bool, bool]:
        """Its queue: whether it is of a stranger, and whether it goes first."""
        return self.record.stranger, self.record.urgent and not self.is_behind


class Publisher:
    """Everything on its way to ingest. `on_stored` is called once per record, `on_settled` when it may be forgotten."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        *,
        on_stored: Callable[[Record], None],
        on_settled: Callable[[Record], None],
        resend_first_s: float = RESEND_FIRST_S,
        strangers_published: int = STRANGERS_PUBLISHED,
    ) -> None:
        self._session = session
        self._clock = clock
        self._on_stored = on_stored
        self._on_settled = on_settled
        self._resend_first_s = resend_first_s
        # (stranger, urgent), in the order of their turn
        self._queues: dict[tuple[bool, bool], deque[_Sending]] = {
            (stranger, urgent): deque() for urgent in (True, False) for stranger in (False, True)
        }
        self._strangers_published = strangers_published
        self._published: set[int] = set()  # records of strangers
        self._events: dict[str, _Sending] = {}  # by event id, until acknowledged
        self._doubtful: deque[_Sending] = deque()  # telemetry at the broker for less than DOUBT_S
        self._refused: list[_Sending] = []  # telemetry that the broker did not want; asked again when due
        self._in_flight = 0
        self.open_records = 0
        self.open_of_strangers = 0

    def add(self, record: Record) -> None:
        """Publish a record that is on disk."""
        self.open_records += 1
        self.open_of_strangers += record.stranger
        sendings = []
        for position, message in enumerate(record.messages):
            sending = _Sending(record, message, f"#{position}", self._resend_first_s)
            sending.is_behind = message.beside and self._has_ordinary(record.source)
            sendings.append(sending)
            record.open |= set(message.event_ids) or {sending.mark}
            for event_id in message.event_ids:
                self._events[event_id] = sending
        for sending in sendings:
            self._queue(sending)
        self._stored_if_nothing_open(record)
        self.pump()

    def _has_ordinary(self, source: bytes) -> bool:
        """Whether something ordinary of a panel waits to be sent."""
        return any(one.record.source == source for turn, queue in self._queues.items() if not turn[1] for one in queue)

    def _queue(self, sending: _Sending) -> None:
        queue = self._queues[sending.turn]
        if sending.record.id in self._published:
            queue.appendleft(sending)  # again: others of the crowd wait until it is stored
        else:
            queue.append(sending)

    def _next(self) -> _Sending | None:
        """Return what is to leave now: fires first, and of strangers only as many as ingest keeps up with."""
        for (stranger, _), queue in self._queues.items():
            full = stranger and len(self._published) >= self._strangers_published
            if queue and not (full and queue[0].record.id not in self._published):
                return queue.popleft()
        return None

    def pump(self) -> None:
        """Hand messages to the session, fires first, as far as the window goes."""
        while self._in_flight < IN_FLIGHT and (sending := self._next()) is not None:
            record = sending.record
            if sending.message.event_ids and not record.open.intersection(sending.message.event_ids):
                continue  # acknowledged while it waited to be sent again
            try:
                future = self._session.submit(sending.message.topic, sending.message.payload)
            except OutgoingFull:
                self._queues[sending.turn].appendleft(sending)
                return  # pumped again every second
            self._in_flight += 1
            if record.stranger and record.open:
                self._published.add(record.id)
            future.add_done_callback(partial(self._at_broker, sending))

    def _at_broker(self, sending: _Sending, done: "asyncio.Future[None]") -> None:
        self._in_flight -= 1
        if done.cancelled() or isinstance(done.exception(), SessionClosed):
            return
        error = done.exception()
        if isinstance(error, PublishRefused):
            log.error("publish_refused", topic=sending.message.topic, error=describe_error(error))
        now = self._clock.monotonic()
        sending.due = now + sending.resend_after_s
        sending.resend_after_s = min(2 * sending.resend_after_s, RESEND_CAP_S)
        if not sending.message.event_ids:
            if error is None:
                sending.acknowledged = now
                sending.record.doubtful += 1
                self._doubtful.append(sending)
                self._stored(sending.record, sending.mark)
            else:
                self._refused.append(sending)
        self.pump()

    def announce(self, topic: Topic, body: Status) -> None:
        """Publish a retained status; a hint only, so it is left out while the broker is away."""
        if self._session.connected and self._session.outgoing < HINTS_UNTIL:
            payload = body.model_dump_json(exclude_none=True).encode()
            self._session.submit(str(topic), payload, retain=True).add_done_callback(_look_at)

    def acknowledged(self, delivery: Delivery) -> None:
        """Take a `down/ack`."""
        topic = parse_topic(delivery.topic)
        if topic is None or topic.channel is not Channel.ACK:
            return
        try:
            ack = Ack.model_validate_json(delivery.payload)
        except ValidationError as error:
            log.warning("ack_unreadable", topic=delivery.topic, error=error.errors()[0]["msg"])
            return
        for event_id in ack.event_ids:
            sending = self._events.pop(event_id, None)
            if sending is not None:
                self._stored(sending.record, event_id)

    def _stored(self, record: Record, mark: str) -> None:
        if mark in record.open:
            record.open.discard(mark)
            self._stored_if_nothing_open(record)

    def _stored_if_nothing_open(self, record: Record) -> None:
        if record.open:
            return
        self.open_records -= 1
        self.open_of_strangers -= record.stranger
        self._published.discard(record.id)
        record.stored = True
        self._on_stored(record)
        if all(message.event_ids for message in record.messages):
            self._on_settled(record)

    def connection_lost(self) -> None:
        """Send again what the broker may have lost with the connection."""
        for sending in self._doubtful:
            sending.acknowledged = 0
            sending.record.doubtful -= 1
            self._queue(sending)
        self._doubtful.clear()

    def connected(self) -> None:
        """Send every open event again (contract 3: at reconnect)."""
        self._resend(sending for sending in set(self._events.values()) if sending.due)

    def tick(self) -> None:
        """Call about every second: repeats that are due, telemetry that is beyond doubt."""
        now = self._clock.monotonic()
        while self._doubtful and now - self._doubtful[0].acknowledged > DOUBT_S:
            sending = self._doubtful.popleft()
            record = sending.record
            if record.open:  # its events are not acknowledged yet
                sending.acknowledged = now
                self._doubtful.append(sending)
                continue
            record.doubtful -= 1
            if not record.doubtful and record.settled_ms is None:
                self._on_settled(record)
        for sending in self._refused:
            if sending.due <= now:
                self._queue(sending)
        self._refused = [sending for sending in self._refused if sending.due > now]
        if self._session.connected:
            self._resend(sending for sending in set(self._events.values()) if sending.due and sending.due <= now)
        self.pump()

    def _resend(self, sendings: Iterable[_Sending]) -> None:
        for sending in sorted(sendings, key=lambda sending: (sending.record.id, sending.mark)):
            sending.due = 0
            self._queue(sending)
        self.pump()


def _look_at(done: "asyncio.Future[None]") -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.info("status_not_published", error=describe_error(error))
