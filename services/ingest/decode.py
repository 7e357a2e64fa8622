"""One message from the broker -> readings, events, a status, rejects. Pure; the lanes call it for every delivery.

It never raises on bytes and never loses one: what cannot be a row is a reject with a code and a sentence for a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.core.contracts import MAX_READINGS, SEQ_MODULUS
from services.core.fields import FIELD_RULES, complaint
from services.core.moment import read_ts
from services.core.text import clean_json, describe_error, show_value
from services.core.topics import Channel, Kind, Topic, parse_topic
from services.ingest.decode_event import Event, read_events
from services.ingest.json_text import dump_element, parse
from services.ingest.mend import Element, mend, unwrap
from services.ingest.moment import clock_fault
from services.ingest.reject import Reject

_EVENT = f"/{Channel.EVENT}"


@dataclass(slots=True)
class Reading:
    """One row to be: `values` in the order of the kind's columns."""

    ts_us: int
    seq: int
    values: list[Any]
    extra: dict[str, Any] | None


@dataclass(slots=True)
class Message:
    """All that one delivery holds."""

    raw_topic: str
    topic: Topic | None
    payload: bytes
    received_us: int
    readings: list[Reading] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    ack_ids: list[str] = field(default_factory=list)  # readable event ids, for down/ack
    online: bool | None = None  # the device's own status
    alive: bool = True  # sent by the device itself, just now
    alone: bool = False  # one reading, and nothing refused beside it
    whole: bool = True  # not one part of several
    prompt: bool = True  # it did not wait on our side, so its age is the device's doing
    replay_of: int | None = None  # reject row this comes from
    mended: frozenset[str] = frozenset()  # what we had to tolerate in order to read it
    flooding: bool = False  # one of more than its sender's share

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


def decode(raw_topic: str, payload: bytes, received_us: int, *, retained: bool = False) -> Message:
    """Return what `payload` says; `received_us` stands for now. Bytes that make us fail are a reject like any other."""
    try:
        return _decode(raw_topic, payload, received_us, retained=retained)
    except Exception as error:  # noqa: BLE001  a fault of ours in one message must not stop the lane
        message = Message(raw_topic, parse_topic(raw_topic), payload, received_us, alive=not retained)
        detail = f"reading it failed ({describe_error(error)[:300]}): report this as a fault, then send it to replay"
        message.rejects.append(Reject(payload, "not_decoded", detail))
        return message


def _decode(raw_topic: str, payload: bytes, received_us: int, *, retained: bool) -> Message:
    topic = parse_topic(raw_topic)
    message = Message(raw_topic, topic, payload, received_us, alive=not retained)
    if retained and not payload:  # somebody deleted a retained message: no device has said anything
        message.alive = False
        return message
    is_event = raw_topic.endswith(_EVENT)
    if topic is None:
        device = "fire/v1/{area: 6 to 12 digits}/{hydrant|electrical|water|panel}/{device}"
        detail = f"nothing of ours has this topic: publish to {device}/up/telemetry, …/up/event or …/up/status"
        message.rejects.append(Reject(payload, "bad_topic", detail))
        if is_event:
            message.ack_ids = read_events(payload, received_us).ack_ids
    elif topic.channel is Channel.TELEMETRY:
        _read_telemetry(message, topic.kind, payload)
        message.alone = len(message.readings) == 1 and (
            not message.rejects or all(reject.stored for reject in message.rejects)
        )
    elif is_event:
        found = read_events(payload, received_us)
        message.events, message.rejects, message.ack_ids = found.events, found.rejects, found.ack_ids
        message.mended = found.mended
    else:
        _read_status(message, payload)
    return message


def _read_telemetry(message: Message, kind: Kind, payload: bytes) -> None:
    try:
        parsed = parse(payload)
    except ValueError as error:
        _read_mended(message, kind, mend(payload), f"not JSON ({str(error)[:100]}): send one object or a list")
        return
    if type(parsed) is dict:
        _read_element(message, kind, parsed, payload, None)
        return
    if type(parsed) is str and (unwrapped := unwrap(parsed)):
        _read_mended(message, kind, unwrapped, "")
        return
    if type(parsed) is not list or not parsed:
        message.rejects.append(Reject(payload, "wrong_shape", "send one reading as an object, or a list of readings"))
        return
    if len(parsed) > MAX_READINGS:
        _reject_many(message, len(parsed))
        return
    for index, element in enumerate(parsed):
        _read_element(message, kind, element, payload if len(parsed) == 1 else None, index)


def _reject_many(message: Message, count: int) -> None:
    detail = f"{count} readings in one message: send at most {MAX_READINGS}"
    message.rejects.append(Reject(message.payload, "too_many_elements", detail))


def _read_mended(message: Message, kind: Kind, elements: list[Element], complaint: str) -> None:
    """Take from a message that is no JSON what is beyond doubt: whole objects, and of a cut one its whole fields."""
    if len(elements) > MAX_READINGS:
        _reject_many(message, len(elements))
        return
    if all(element.broken for element in elements):  # or there is none
        message.rejects.append(Reject(message.payload, "not_json", complaint))
        return
    for element in elements:
        if element.broken:
            message.rejects.append(Reject(element.raw, "not_json", complaint, element.index))
            continue
        before = len(message.readings)
        value, doubtful = element.value, element.doubtful
        if doubtful:
            value = {name: one for name, one in value.items() if name not in doubtful}
        cut = [name for name in FIELD_RULES[kind] if name in doubtful]
        _read_element(message, kind, value, element.raw, element.index, cut=cut)
        message.mended |= frozenset(element.marks)
        for reading in message.readings[before:]:
            reading.extra = _flag(reading.extra, element.marks)


def _flag(extra: dict[str, Any] | None, marks: tuple[str, ...]) -> dict[str, Any]:
    flagged: dict[str, Any] = {} if extra is None else extra
    if "flags" in flagged:  # the device's own field of this name
        flagged["bad"] = {"flags": flagged.pop("flags")}
    flagged["flags"] = list(marks)
    return flagged


def _read_element(
    message: Message, kind: Kind, element: Any, raw: bytes | None, index: int | None, *, cut: Sequence[str] = ()
) -> None:
    if type(element) is not dict:
        refusal = ("wrong_shape", "a reading is an object with ts, seq and fields")
        _reject(message, element, raw, index, refusal)
        return
    ts = read_ts(element.get("ts"))
    if type(ts) is not int:
        _reject(message, element, raw, index, ts)  # type: ignore[arg-type]
        return
    seq = element.get("seq")
    if type(seq) is float and seq.is_integer():
        seq = int(seq)
    if type(seq) is not int or not 0 <= seq < SEQ_MODULUS:
        reason = "seq_missing" if seq is None else "seq_unreadable"
        detail = f"seq is {show_value(seq)}: send a whole number from 0 to 4294967295, one more per reading"
        _reject(message, element, raw, index, (reason, detail))
        return
    fault = clock_fault(ts, message.received_us)
    if fault is not None:
        _reject(message, element, raw, index, ("clock_implausible", fault))
        return
    values, extra, bad = read_fields(kind, element)
    if cut:
        bad.extend((name, f"{name} stands last in a message that was cut: it may lack its end") for name in cut)
    if values.count(None) < len(values):
        message.readings.append(Reading(ts, seq, values, extra))
        for name, detail in bad:
            refusal = (f"bad_field: {name}", f"{detail}; the rest of the reading is stored")
            _reject(message, element, raw, index, refusal, stored=True)
    elif bad:
        names = "; ".join(detail for _name, detail in bad)
        refusal = (f"bad_field: {bad[0][0]}", f"{names}; no other field is left, so no reading is stored")
        _reject(message, element, raw, index, refusal)
    else:
        known = ", ".join(FIELD_RULES[kind])
        refusal = ("no_valid_field", f"no field of a {kind} reading: send at least one of {known}")
        _reject(message, element, raw, index, refusal)


def _reject(
    message: Message,
    element: Any,
    raw: bytes | None,
    index: int | None,
    refusal: tuple[str, str],
    *,
    stored: bool = False,
) -> None:
    kept = dump_element(element) if raw is None else raw
    message.rejects.append(Reject(kept, *refusal, element=index, stored=stored))


def read_fields(kind: Kind, element: dict[str, Any]) -> tuple[list[Any], dict[str, Any] | None, list[tuple[str, str]]]:
    """Return the values in column order, unknown fields, and (name, complaint) of each bad field."""
    rules = FIELD_RULES[kind]
    values: list[Any] = [None] * len(rules)
    extra: dict[str, Any] | None = None
    bad: list[tuple[str, str]] = []
    for name, value in element.items():  # the hottest loop of ingest: the usual field takes the shortest way
        rule = rules.get(name)
        if rule is None:
            if value is not None and name not in ("ts", "seq"):
                extra = {} if extra is None else extra
                extra[name] = value
            continue
        column, base, low, high = rule
        kind_sent = type(value)
        if kind_sent is base:
            if low <= value <= high:  # NaN is in no range
                values[column] = value
                continue
        elif value is None:
            continue
        elif kind_sent is int and base is float:
            if low <= value <= high:
                values[column] = float(value)  # 10^300 fits a float and no integer
                continue
        elif base is int and kind_sent is float and low <= value <= high and value.is_integer():
            values[column] = int(value)  # some encoders write 14.0
            continue
        bad.append((name, complaint(name, rule, value)))
    return values, extra if extra is None else clean_json(extra), bad


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
    message.rejects.append(Reject(payload, "status_unreadable", detail))
