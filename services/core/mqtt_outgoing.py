"""Publishes on their way out: bounded, in order, each with a future that ends at its PUBACK.

Owned by a Session. Keeps the broker's Receive Maximum itself, because the library searches all unanswered publishes at
each PUBACK once some of them wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from paho.mqtt.client import MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from services.core.mqtt_config import OutgoingFull, PublishRefused, SessionClosed
from services.core.mqtt_limits import Limits

Marks = Sequence[tuple[str, str]]
"""User properties of MQTT 5 (3.3.2.3.7): names with values."""
_Waiting = tuple[asyncio.Future[None], str, bytes, bool, Properties | None]
Send = Callable[[str, bytes, bool, Properties | None], MQTTMessageInfo]


def properties_of(marks: Marks, expires_s: int | None) -> Properties | None:
    """Return the properties of a publish, None where it has none."""
    if not marks and expires_s is None:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if marks:
        properties.UserProperty = list(marks)
    if expires_s is not None:
        properties.MessageExpiryInterval = expires_s
    return properties


class Outgoing:
    """A queue of at most `limit` publishes, of which the broker's limits say how many are unanswered."""

    def __init__(self, limit: int, send: Send) -> None:
        self.limit = limit
        self.limits = Limits()
        self._send = send
        self._inflight: dict[int, asyncio.Future[None]] = {}
        self._queued: deque[_Waiting] = deque()
        self._room = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._inflight) + len(self._queued)

    def submit(
        self, topic: str, payload: bytes, retain: bool, properties: Properties | None = None
    ) -> asyncio.Future[None]:
        """Queue one publish.

        Raises:
            OutgoingFull: `limit` publishes wait already.
        """
        if len(self) >= self.limit:
            raise OutgoingFull(f"{len(self)} publishes wait for the broker: slow down or raise max_outgoing")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._closed:
            _fail(future, SessionClosed("the session is stopped"))
        else:
            self._queued.append((future, topic, payload, retain, properties))
        return future

    async def room(self) -> None:
        """Wait until another publish may be submitted."""
        while len(self) >= self.limit and not self._closed:
            self._room.clear()
            await self._room.wait()

    def pump(self) -> None:
        """Hand queued publishes to the client as far as the window allows. Call only while connected.

        One that is larger than the broker takes is refused here. What it cannot keep it passes on all the same.
        """
        while self._queued and len(self._inflight) < self.limits.window:
            entry = self._queued.popleft()
            future, topic, payload, retain, properties = entry
            if future.cancelled():
                continue
            refusal = self.limits.refusal(topic, payload, properties)
            if refusal is not None:
                self._room.set()
                _fail(future, refusal)
                continue
            info = self._send(topic, payload, retain and self.limits.retains, properties)
            if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # this packet id is still unanswered; try the next one
                self._queued.appendleft(entry)
                continue
            self._inflight[info.mid] = future

    def answered(self, packet_id: int, reason: ReasonCode) -> bool:
        """Take a PUBACK; return whether more publishes wait."""
        future = self._inflight.pop(packet_id, None)
        self._room.set()
        if future is not None and not future.done():
            if reason.is_failure:
                _fail(future, PublishRefused(f"the broker refused a publish: {reason}"))
            else:
                future.set_result(None)
        return bool(self._queued)

    def keep(self, limits: Limits, unanswered: Iterable[MQTTMessage], forget: Callable[[int], None]) -> None:
        """Keep to the limits of a new connection, also with what was sent before and is about to be sent again.

        The library would send all of it at once. What is beyond the window waits in front of the queue.
        """
        self.limits, kept = limits, 0
        waiting: list[_Waiting] = []
        for message in unanswered:
            message.retain = message.retain and limits.retains
            refusal = limits.refusal(message.topic, message.payload, message.properties)
            if refusal is None and kept < limits.window:
                kept += 1
                continue
            forget(message.mid)
            future = self._inflight.pop(message.mid, None)
            if future is None or future.done():
                continue
            if refusal is None:
                waiting.append((future, message.topic, bytes(message.payload), message.retain, message.properties))
            else:
                self._room.set()
                _fail(future, refusal)
        self._queued.extendleft(reversed(waiting))

    def close(self) -> None:
        """End every open publish; nobody will answer any more."""
        self._closed = True
        still_open = [*self._inflight.values(), *(entry[0] for entry in self._queued)]
        self._inflight.clear()
        self._queued.clear()
        self._room.set()
        for future in still_open:
            if not future.done():
                _fail(future, SessionClosed("the session was stopped before the broker answered"))


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    future.set_exception(error)
    future.exception()  # a publisher that went away has nobody to tell
