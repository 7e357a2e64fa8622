"""One MQTT session for all that goes up: the most urgent first, and little of the rest under way at a time.

Called by the carrier through `post`. A broker for devices may take the account's name for the client id, so that a
relay has one session only; what stands before a fire on the line is then what `LIMITS` says.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from services.core.clock import Clock
from services.core.contracts import MAX_PAYLOAD_BYTES, RECEIVED
from services.core.log import logger
from services.core.mqtt import OutgoingFull, PublishRefused, Session, SessionClosed
from services.core.text import describe_error
from services.relay.carrier import Sending
from services.relay.lanes import LIMITS, Lane

log = logger(__name__)
OVERHEAD_BYTES = 1024  # of a packet: its header, topic and properties


class Outbox:
    """Hands sendings to the session. `handed_over` and `at_broker` are told of each; `too_large` gets the others.

    `has_grown_old` says of what is about to go that other sendings come in its place.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._queues: dict[Lane, deque[Sending]] = {lane: deque() for lane in Lane}
        self._bytes = dict.fromkeys(Lane, 0)
        self._pumping = False
        self.handed_over: Callable[[Sending], None] = lambda _sending: None
        self.at_broker: Callable[[Sending], None] = lambda _sending: None
        self.has_grown_old: Callable[[Sending], bool] = lambda _sending: False
        self.too_large: Callable[[Sending], None] = lambda _sending: None

    @property
    def most_bytes(self) -> int:
        """The largest payload that the county's broker takes: it ends the connection of who sends more."""
        packet = self._session.largest_packet
        return MAX_PAYLOAD_BYTES if packet is None else min(MAX_PAYLOAD_BYTES, packet - OVERHEAD_BYTES)

    def post(self, sending: Sending) -> None:
        """Send it when its turn comes."""
        if sending.ahead:
            self._queues[sending.lane].appendleft(sending)
        else:
            self._queues[sending.lane].append(sending)
        self.pump()

    def pump(self) -> None:
        """Hand over what there is room for; call it when connected, and now and then."""
        if not self._session.connected or self._pumping:  # what is posted meanwhile goes into the queues
            return
        self._pumping = True
        try:
            self._hand_over()
        finally:
            self._pumping = False

    def _hand_over(self) -> None:
        for lane, queue in self._queues.items():
            while queue and (not self._bytes[lane] or self._bytes[lane] < LIMITS[lane].most_bytes):
                sending = queue.popleft()
                if not sending.left:
                    continue  # carried while it waited
                if not self._submit(sending):
                    queue.appendleft(sending)
                    return

    def _submit(self, sending: Sending) -> bool:
        if self.has_grown_old(sending):
            return True
        message = sending.message
        if len(message.payload) > self.most_bytes:
            self.too_large(sending)
            return True
        try:
            marks = () if message.received_us is None else ((RECEIVED, str(message.received_us)),)
            future = self._session.submit(message.topic, message.payload, marks=marks)
        except OutgoingFull:
            return False
        self._bytes[sending.lane] += len(message.payload)
        self.handed_over(sending)
        future.add_done_callback(partial(self._answered, sending))
        return True

    def _answered(self, sending: Sending, done: "asyncio.Future[None]") -> None:
        self._bytes[sending.lane] -= len(sending.message.payload)
        error = None if done.cancelled() else done.exception()
        if isinstance(error, PublishRefused):
            log.error("publish_refused", topic=sending.message.topic, error=describe_error(error))
        if not isinstance(error, SessionClosed):
            self.at_broker(sending)  # a refused one too: it is sent again when it is due
        self.pump()
