"""The store-and-forward client of simulated devices: one MQTT connection for one device or for thousands.

Called by the fleet, the bench and the fault runs. Promises: an event is sent again until `down/ack` names it, after
10 s doubling to 5 min and at every reconnect; readings acknowledged in the last 2 s before a loss are sent again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from services.core.clock import Clock, wait_at_most
from services.core.contracts import Ack
from services.core.log import logger
from services.core.mqtt import Delivery, PublishRefused, Session, SessionClosed, SessionConfig
from services.core.text import describe_error
from services.core.topics import Channel, Topic, parse_topic
from simulators.outbox import EventOutbox, RecentReadings

log = logger(__name__)


@dataclass(slots=True)
class Counts:
    """What one connection did."""

    readings_sent: int = 0
    readings_acked: int = 0
    readings_resent: int = 0
    events_sent: int = 0
    events_resent: int = 0
    events_acked: int = 0  # by down/ack
    refused: int = 0
    discarded: int = 0  # measured while the memory was full and the broker away
    connections: int = 0


def _ignore(*_: object) -> None:
    return None


class Link:
    """One connection. `on_down` gets what arrives for devices (acks of this link's own events are already handled).

    `on_reading_acked(topic, payload)` and `on_event_acked(base, event_id)` let a fault run keep its books.
    `resend_readings=False` makes it a foreign publisher that trusts a PUBACK.
    """

    def __init__(
        self,
        config: SessionConfig,
        clock: Clock,
        *,
        resend_readings: bool = True,
        on_down: Callable[[Topic, bytes], None] = _ignore,
        on_reading_acked: Callable[[str, bytes], None] = _ignore,
        on_event_acked: Callable[[str, str], None] = _ignore,
        on_connected: Callable[[], None] = _ignore,
    ) -> None:
        self.counts = Counts()
        self.events = EventOutbox()
        self._clock = clock
        self._recent = RecentReadings() if resend_readings else None
        self._on_down = on_down
        self._on_reading_acked = on_reading_acked
        self._on_event_acked = on_event_acked
        self._on_first_connected = on_connected
        self._backlog: list[tuple[bool, str, bytes]] = []
        self._wake = asyncio.Event()
        self._session = Session(config, on_delivery=self._delivered, on_connected=self._connected)

    @property
    def connected(self) -> bool:
        """True while readings can leave."""
        return self._session.connected

    @property
    def outgoing(self) -> int:
        """How many messages wait for their PUBACK."""
        return self._session.outgoing

    @property
    def full(self) -> bool:
        """True while the connection accepts no more messages."""
        return self._session.outgoing >= self._session.config.max_outgoing

    async def ready(self) -> None:
        """Wait for the first connection."""
        await self._session.ready()

    async def room(self) -> None:
        """Wait until the connection accepts another message."""
        await self._session.room()

    async def send_reading(self, topic: str, payload: bytes) -> None:
        """Send a payload of readings; returns when it is handed to the connection, not when it has arrived.

        While the broker is away they are stored, and discarded once `max_outgoing` wait.
        """
        if self.full and not self.connected:
            self.counts.discarded += 1
            return
        await self._session.room()
        self.counts.readings_sent += 1
        self._submit_reading(topic, payload)

    def send_event(self, base: str, event_id: str, payload: bytes, *, transmit: bool = True) -> None:
        """Keep an event and send it; `transmit=False` loses the first try on the way."""
        topic = f"{base}/{Channel.EVENT}"
        self.counts.events_sent += 1
        if not self.events.keep(base, event_id, topic, payload, self._clock.monotonic()):
            log.error("outbox_full", topic=topic)
        if transmit and not self.full:
            self._submit(topic, payload)  # otherwise it leaves with the next round of `_resend`

    def send_status(self, base: str, *, online: bool) -> None:
        """Publish the retained status of one device."""
        if self.full:
            return  # only a hint, and another one follows
        payload = orjson.dumps({"online": online, "ts": round(self._clock.now().timestamp() * 1000)})
        self._submit(f"{base}/{Channel.STATUS}", payload, retain=True)

    def acknowledge(self, base: str, payload: bytes) -> None:
        """Take a `down/ack` that another connection received for a device of this one."""
        try:
            ack = Ack.model_validate_json(payload)
        except ValidationError as error:
            log.warning("ack_unreadable", topic=f"{base}/{Channel.ACK}", error=describe_error(error))
            return
        for event_id in self.events.acknowledge(base, ack.event_ids):
            self.counts.events_acked += 1
            self._on_event_acked(base, event_id)

    async def run(self) -> None:
        """Stay connected and send again what is due, until `stop()`."""
        async with asyncio.TaskGroup() as tasks:
            resend = tasks.create_task(self._resend(), name="resend")
            await tasks.create_task(self._session.run(), name="session")
            resend.cancel()

    async def stop(self) -> None:
        """Say goodbye and end `run()`."""
        await self._session.stop()

    async def _resend(self) -> None:
        while True:
            await wait_at_most(self._wake, 1.0)
            self._wake.clear()
            backlog, self._backlog = self._backlog, []
            if self._session.connected:
                backlog += [(False, *kept) for kept in self.events.take_due(self._clock.monotonic())]
            for is_reading, topic, payload in backlog:
                await self._session.room()
                if is_reading:
                    self.counts.readings_resent += 1
                    self._submit_reading(topic, payload)
                else:
                    self.counts.events_resent += 1
                    self._submit(topic, payload)

    def _submit(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._session.submit(topic, payload, retain=retain).add_done_callback(self._count_refusal)

    def _submit_reading(self, topic: str, payload: bytes) -> None:
        future = self._session.submit(topic, payload)
        future.add_done_callback(lambda done: self._reading_done(done, topic, payload))

    def _reading_done(self, done: asyncio.Future[None], topic: str, payload: bytes) -> None:
        if not self._count_refusal(done):
            return
        self.counts.readings_acked += 1
        if self._recent is not None:
            self._recent.acknowledged(topic, payload, self._clock.monotonic())
        self._on_reading_acked(topic, payload)

    def _count_refusal(self, done: asyncio.Future[None]) -> bool:
        if done.cancelled():
            return False
        error = done.exception()
        if error is None:
            return True
        self.counts.refused += 1
        if not isinstance(error, (PublishRefused, SessionClosed)):
            raise error
        if isinstance(error, PublishRefused) and self.counts.refused == 1:
            log.error("publish_refused", error=describe_error(error))
        return False

    def _connected(self, _session_present: bool) -> None:
        self.counts.connections += 1
        if self.counts.connections == 1:
            self._on_first_connected()
            return
        if self._recent is not None:
            self._backlog += [(True, *kept) for kept in self._recent.take_all()]
        self._backlog += [(False, *kept) for kept in self.events.take_all(self._clock.monotonic())]
        self._wake.set()

    def _delivered(self, delivery: Delivery) -> None:
        self._session.ack([delivery])
        topic = parse_topic(delivery.topic)
        if topic is None:
            return
        if topic.channel is Channel.ACK:
            self.acknowledge(topic.base, delivery.payload)
        self._on_down(topic, delivery.payload)
