"""One message from the broker -> readings, events, a status, rejects. Pure; the lanes call it for every delivery.

It never raises on bytes and never loses one: what cannot be a row is a reject with a code and a sentence for a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.core.contracts import MAX_READINGS
from services.core.text import describe_error
from services.core.topics import Channel, Topic, parse_topic
from services.ingest.decode_event import Event, event_among, read_events
from services.ingest.decode_reading import read_readings
from services.ingest.json_text import parse
from services.ingest.mend import mend, read_elements
from services.ingest.moment import relayed_us
from services.ingest.reading import Reading
from services.ingest.reject import Reject
from services.ingest.usual import read_usual

_EVENT = f"/{Channel.EVENT}"


@dataclass
class Message:
    """All that one delivery holds. Without slots: a usual message has few of these, the rest stays with the class."""

    raw_topic: str
    topic: Topic | None
    payload: bytes
    received_us: int
    alive: bool = True  # sent by the device itself, just now
    readings: Sequence[Reading] = field(default=(), init=False)
    events: Sequence[Event] = field(default=(), init=False)
    rejects: Sequence[Reject] = field(default=(), init=False)
    ack_ids: Sequence[str] = field(default=(), init=False)  # readable event ids, for down/ack
    online: bool | None = field(default=None, init=False)  # the device's own status
    alone: bool = field(default=False, init=False)  # one reading, and nothing refused beside it
    whole: bool = field(default=True, init=False)  # not one part of several
    prompt: bool = field(default=True, init=False)  # it did not wait on our side, so its age is the device's doing
    replay_of: int | None = field(default=None, init=False)  # reject row this comes from
    mended: frozenset[str] = field(default=frozenset(), init=False)  # what we had to tolerate in order to read it
    flooding: bool = field(default=False, init=False)  # one of more than its sender's share

    @property
    def registers(self) -> bool:
        """Whether an unknown device becomes known by it; a stored copy or a last will is not enough."""
        return self.alive or bool(self.readings or self.events)

    @property
    def is_refused(self) -> bool:
        """Whether the database refused it before: it is nothing but the reject that says so."""
        return bool(self.rejects) and self.rejects[0].reason == "storage_refused"

    @property
    def elements(self) -> int:
        """How many rows it makes."""
        return len(self.readings) + len(self.events) + len(self.rejects)

    @property
    def clock_wrong(self) -> bool:
        """Whether a time in it cannot be right."""
        wrong = any(reject.reason == "clock_implausible" for reject in self.rejects)
        return wrong or not all(event.clock_good for event in self.events)


def decode(
    raw_topic: str, payload: bytes, received_us: int, *, retained: bool = False, most: int = MAX_READINGS
) -> Message:
    """Return what `payload` says; `received_us` stands for now. Bytes that make us fail are a reject like any other.

    A list of more than `most` readings is refused.
    """
    try:
        return _decode(raw_topic, payload, received_us, retained=retained, most=most)
    except Exception as error:  # noqa: BLE001  a fault of ours in one message must not stop the lane
        message = Message(raw_topic, parse_topic(raw_topic), payload, received_us, alive=not retained)
        detail = f"reading it failed ({describe_error(error)[:300]}): report this as a fault, then send it to replay"
        message.rejects = (Reject(payload, "not_decoded", detail),)
        return message


def decode_marked(
    raw_topic: str, payload: bytes, received_us: int, marks: Sequence[tuple[str, str]], *, retained: bool = False
) -> Message:
    """Return what a message with user properties says: a clock that is wrong here may have been right in its township.

    A broker does not tell who published, so any device may say what a relay says. It gains a row that counts as late.
    """
    message = decode(raw_topic, payload, received_us, retained=retained)
    township_us = relayed_us(marks, received_us)
    if township_us is None or not message.clock_wrong or message.elements > 1:  # a relay sends such a row alone
        return message
    relayed = decode(raw_topic, payload, township_us, retained=retained)
    relayed.received_us = received_us
    return relayed if relayed.readings or relayed.events else message


def _decode(raw_topic: str, payload: bytes, received_us: int, *, retained: bool, most: int) -> Message:
    topic = parse_topic(raw_topic)
    message = Message(raw_topic, topic, payload, received_us, alive=not retained)
    if retained and not payload:  # somebody deleted a retained message: no device has said anything
        message.alive = False
        return message
    is_event = raw_topic.endswith(_EVENT)
    if topic is None:
        device = "fire/v1/{area: 6 to 12 digits}/{hydrant|electrical|water|panel}/{device}"
        detail = f"nothing of ours has this topic: publish to {device}/up/telemetry, …/up/event or …/up/status"
        message.rejects = (_elsewhere(payload, "bad_topic", detail),)
        if is_event:
            message.ack_ids = read_events(payload, received_us).ack_ids
    elif topic.channel is Channel.TELEMETRY:
        usual = read_usual(topic.kind, payload, received_us)
        if usual is not None:
            message.readings, message.alone = usual, len(usual) == 1
        else:
            readings = read_readings(topic.kind, payload, received_us, most)
            message.readings, message.rejects, message.mended = readings.readings, readings.rejects, readings.mended
            message.alone = len(message.readings) == 1 and all(reject.stored for reject in message.rejects)
    elif is_event:
        found = read_events(payload, received_us)
        message.events, message.rejects, message.ack_ids = found.events, found.rejects, found.ack_ids
        message.mended = found.mended
    else:
        _read_status(message, payload)
    return message


def _read_status(message: Message, payload: bytes) -> None:
    live, message.alive = message.alive, False
    if not payload:
        return  # a cleared status says nothing, whoever cleared it
    try:
        parsed = parse(payload)
    except ValueError:
        elements = mend(payload)
        message.mended = frozenset(mark for element in elements for mark in element.marks)
        parsed = elements[0].value if len(elements) == 1 and not elements[0].doubtful else None
    online = parsed.get("online") if type(parsed) is dict else None
    if type(online) is bool:
        message.online = online
        message.alive = live and online  # a last will is about the device, not from it
        return
    detail = 'a status is {"online": true or false, "ts": …}'
    message.rejects = (_elsewhere(payload, "status_unreadable", detail),)


def _elsewhere(payload: bytes, reason: str, detail: str) -> Reject:
    """Refuse a message on a channel that holds no events; it may be one all the same."""
    return Reject(payload, reason, event_among(read_elements(payload)[0]) or detail)
