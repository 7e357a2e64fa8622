"""What the database refuses, cut down to the one element at fault. Pure; the writer asks it what to try next."""

import base64
import hashlib
from collections.abc import Sequence

from services.core.aside import Unit
from services.core.text import describe_error
from services.core.topics import Channel, parse_topic
from services.ingest.decode import Message
from services.ingest.reject import Reject


def split(messages: Sequence[Message]) -> tuple[list[Message], list[Message]] | None:
    """Return two halves, down to single elements; None when one element is left."""
    if len(messages) > 1:
        middle = len(messages) // 2
        return list(messages[:middle]), list(messages[middle:])
    message = messages[0]
    if message.elements < 2:
        return None
    parts: list[tuple[str, object]] = [("readings", item) for item in message.readings]
    parts += [("events", item) for item in message.events]
    parts += [("rejects", item) for item in message.rejects]
    middle = len(parts) // 2
    return [part_of(message, parts[:middle])], [part_of(message, parts[middle:])]


def part_of(message: Message, parts: list[tuple[str, object]]) -> Message:
    """Return a message of the same delivery with some of its elements, by the name of their list."""
    part = Message(message.raw_topic, message.topic, message.payload, message.received_us, alive=message.alive)
    part.replay_of, part.flooding, part.prompt = message.replay_of, message.flooding, message.prompt
    part.whole = False
    for name in ("readings", "events", "rejects"):
        setattr(part, name, [item for of, item in parts if of == name])
    return part


def refused(message: Message, error: BaseException, *, with_device: bool) -> Message:
    """Return the message as one reject that names the complaint; without its device where that is what fails."""
    detail = f"it could not be stored ({describe_error(error)[:300]}): report this as a fault, then send it to replay"
    topic = message.topic if with_device else None
    lone = Message(message.raw_topic, topic, message.payload, message.received_us, alive=message.alive)
    lone.replay_of = message.replay_of
    lone.rejects = (Reject(message.payload, "storage_refused", detail),)
    lone.ack_ids = message.ack_ids
    return lone


def unit_of(message: Message) -> Unit:
    """Return the message as a unit that can be set aside: named by its topic and bytes, so that it is listed once."""
    topic = parse_topic(message.raw_topic)
    digest = hashlib.sha256(message.payload).hexdigest()[:16]
    return Unit(
        "message",
        f"{message.raw_topic[:150]} {digest}",
        area=None if topic is None else topic.area,
        fire=message.raw_topic.endswith("/" + Channel.EVENT),
        detail={
            "topic": message.raw_topic,
            "payload_base64": base64.b64encode(message.payload).decode(),
            "received_us": message.received_us,
            "refused_before": [reject.detail for reject in message.rejects],
        },
    )
