"""Decoded messages + what we know of their devices -> the rows of one transaction. Pure; the store calls it per batch.

Here the registry's word is applied (kind), lateness is judged, and repeats within the batch are set aside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from services.core.contracts import EventType
from services.core.topics import Channel, Kind, Topic
from services.ingest.account import is_newest
from services.ingest.behind import RIGHT, Late, follow, follow_many
from services.ingest.decode import Message
from services.ingest.decode_event import Event
from services.ingest.devices import Device
from services.ingest.heard import Heard
from services.ingest.mismatch import kind_mismatches
from services.ingest.reading import Reading
from services.ingest.reject import Reject

FOREIGN = "foreign_area"
FIRES = frozenset({EventType.FIRE, EventType.MANUAL_ALARM})
GARBAGE_BYTES = 256  # about as many bytes as an event takes
ReadingKey = tuple[int, int, int]  # device_id, ts_us, seq
EventKey = tuple[int, bytes]  # device_id, digest
RowKey = tuple[Kind, ReadingKey] | EventKey


class Lookup(Protocol):
    """Finds a device by code."""

    def get(self, code: str) -> Device | None:
        """Return the device, None when unknown."""
        ...


def _never(_topic: Topic) -> bool:
    return False


@dataclass(slots=True)
class Replay:
    """What a replayed reject came to: why it is refused again, or the rows it makes and the fields they still lack."""

    refused: str | None = None
    bad: list[str] = field(default_factory=list)
    rows: list[tuple[Kind, tuple[Any, ...]]] = field(default_factory=list)
    events: list[EventKey] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """The rows of one batch, in the order they were received."""

    readings: dict[Kind, dict[ReadingKey, tuple[Any, ...]]] = field(default_factory=dict)
    events: dict[EventKey, tuple[Device, Event, int, bool]] = field(default_factory=dict)
    rejects: list[tuple[Message, Reject, int | None]] = field(default_factory=list)
    heard: dict[int, Heard] = field(default_factory=dict)
    replays: dict[int, Replay] = field(default_factory=dict)
    replayed: set[RowKey] = field(default_factory=set)  # rows that no device sent just now
    first_received_us: int = 0
    min_ts_us: int | None = None
    max_ts_us: int | None = None
    duplicates: int = 0

    @property
    def is_empty(self) -> bool:
        """True when there is no row and nobody was heard."""
        return not (self.readings or self.events or self.rejects or self.heard or self.replays)


def make_plan(messages: Sequence[Message], devices: Lookup, is_foreign: Callable[[Topic], bool] = _never) -> Plan:
    """Return the rows of `messages`; every device of a good topic is known by now, save for retained copies.

    `is_foreign` says of a topic whose area is not the device's whether it speaks for somebody else's device.
    """
    plan = Plan(first_received_us=messages[0].received_us if messages else 0)
    for message in messages:
        topic, rejects = message.topic, message.rejects
        device = devices.get(topic.device) if topic is not None else None
        heard = None
        if device is not None and topic is not None:
            if topic.area != device.area and is_foreign(topic):
                _take_foreign(plan, message, topic, device)
                continue
            heard, rejects = _take_known(plan, message, topic, device)
        if rejects or message.replay_of is not None:
            _add_rejects(plan, message, rejects, None if heard is None else heard.device.id)
            if heard is not None and rejects and message.replay_of is None:
                heard.tally.rejects += len(rejects)
    _span(plan)
    return plan


def leave_out_repeats(plan: Plan, repeated: Mapping[Kind, set[ReadingKey]]) -> None:
    """Take rows that were stored before out of the newest values; a replay may bring fields that its row lacked."""
    again = {(kind, key) for kind, keys in repeated.items() for key in keys} - plan.replayed
    devices = {key[0] for _kind, key in again}
    rows: dict[int, list[tuple[Kind, tuple[Any, ...]]]] = {device_id: [] for device_id in devices}
    for kind, found in plan.readings.items():
        for key, row in found.items():
            if key[0] in devices and (kind, key) not in again:
                rows[key[0]].append((kind, row))
    for device_id, left in rows.items():
        plan.heard[device_id].merge_again(left)


def _take_known(plan: Plan, message: Message, topic: Topic, device: Device) -> tuple[Heard, Sequence[Reject]]:
    """Add what a message of a known device brings; return what was heard of it, and what is refused."""
    rejects = message.rejects
    heard = _hear(plan, message, topic, device)
    if message.flooding:
        heard.tally.flood += weigh(message)
    for event in message.events:
        event.nameless &= message.alive  # a copy that the broker kept is the one it kept before
        event.counted &= message.alive
        _add_event(plan, heard, event, message)
    of_its_kind = topic.kind == device.kind or not device.is_placed  # else it speaks as two kinds, or has just changed
    if message.readings and of_its_kind:
        behind = _follow_clock(heard, message)
        for reading in message.readings:
            _add_reading(plan, heard, topic.kind, reading, message, behind=behind)
    elif not of_its_kind and topic.channel is Channel.TELEMETRY:
        rejects = kind_mismatches(message, topic.kind, device)
    stored = bool(message.events or (message.readings and of_its_kind))
    heard.refused = heard.refused.and_message(message, rejects, stored=stored)
    return heard, rejects


def weigh(message: Message) -> int:
    """Return what a message counts for in a flood: its elements, large garbage by its size, and never nothing."""
    garbage = sum(1 if one.stored else max(1, len(one.payload) // GARBAGE_BYTES) for one in message.rejects)
    return max(1, len(message.readings) + len(message.events) + garbage)


def _add_rejects(plan: Plan, message: Message, rejects: Sequence[Reject], device_id: int | None) -> None:
    if message.replay_of is not None:  # its row exists already; only the result is noted
        replay = plan.replays.setdefault(message.replay_of, Replay())
        lost = [reject for reject in rejects if not reject.stored]
        if lost:
            replay.refused = f"rejected again: {lost[0].reason}, {lost[0].detail}"
        named = (reject.reason.partition(": ") for reject in rejects if reject.stored)
        replay.bad += [name for _code, _colon, name in named if name]
        return
    plan.rejects.extend((message, reject, device_id) for reject in rejects)


def _hear(plan: Plan, message: Message, topic: Topic, device: Device) -> Heard:
    heard = plan.heard.get(device.id)
    if heard is None:
        heard = plan.heard[device.id] = Heard(device)
    if message.online is not None:
        heard.connected, heard.connected_us = message.online, message.received_us
    if message.alive and message.replay_of is None:
        heard.seen_us = message.received_us
        heard.topic = topic.base
    return heard


def _take_foreign(plan: Plan, message: Message, topic: Topic, device: Device) -> None:
    """Refuse what a township says of a device elsewhere; a fire is stored all the same, and moves or resets nothing.

    A wrong fire costs a look, a lost one a house; who looks sees the mark, and the message among the rejects.
    """
    if not message.payload:  # a retained message that somebody deleted says nothing
        return
    fires = [event for event in message.events if event.type in FIRES and event.active]
    heard = plan.heard.setdefault(device.id, Heard(device))
    for event in fires:
        _add_event(plan, heard, _marked(event), message)
    if message.replay_of is None:
        heard.tally.rejects += 1
    detail = (
        f"{topic.area} is a township's, and {device.code} is registered in {device.area}: correct its area in the "
        "registry, then send this to replay; if the device is not theirs, ask who speaks for it"
    )
    lost = len(message.readings) + len(message.events) - len(fires)
    lost += sum(not reject.stored for reject in message.rejects)
    reject = Reject(message.payload, FOREIGN, detail, stored=bool(fires) and not lost)
    _add_rejects(plan, message, [reject], device.id)


def _marked(event: Event) -> Event:
    """Return the event as it is kept of a device elsewhere; its numbers are not the device's own."""
    extra = dict(event.extra or {})
    flags = extra.pop("flags", [])
    if not event.sent.get("marked"):  # its own field of that name
        extra, flags = extra | ({"bad": {"flags": flags}} if flags else {}), []
    return replace(event, seq=None, extra=extra | {"flags": [*flags, FOREIGN]}, sent=event.sent | {"marked": True})


def _follow_clock(heard: Heard, message: Message) -> bool:
    """Note what a message says of its device's clock; True: it is behind, and the receive time counts."""
    if not message.alive or not message.prompt or message.replay_of is not None:
        return False
    late_after_us, first = heard.device.late_after_us, message.readings[0]
    newest = first if message.alone else max(message.readings, key=lambda reading: (reading.ts_us, reading.seq))
    if not is_newest(heard.head, newest.ts_us, newest.seq):
        return False
    heard.head = newest
    if (heard.clock is RIGHT or heard.clock == RIGHT) and message.received_us - newest.ts_us <= late_after_us:
        return False
    if not message.alone:
        heard.clock = follow_many(heard.clock, message.received_us - newest.ts_us, late_after_us)
        return False
    fields = sum(1 << place for place, value in enumerate(newest.values) if value is not None)
    heard.clock, behind = follow(heard.clock, Late(newest.ts_us, message.received_us, fields), late_after_us)
    return behind


def _add_reading(plan: Plan, heard: Heard, kind: Kind, reading: Reading, message: Message, *, behind: bool) -> None:
    device, received_us = heard.device, message.received_us
    ts_us = reading.ts_us
    rows = plan.readings.get(kind)
    if rows is None:
        rows = plan.readings[kind] = {}
    key = (device.id, ts_us, reading.seq)
    is_new = key not in rows
    if is_new:
        late = received_us - ts_us > device.late_after_us and not behind
        rows[key] = (device.id, ts_us, reading.seq, received_us, late, behind, *reading.values, reading.extra)
    if message.replay_of is not None:
        plan.replays.setdefault(message.replay_of, Replay()).rows.append((kind, rows[key]))
        if is_new:
            plan.replayed.add((kind, key))
    elif not is_new:
        plan.duplicates += 1
        heard.tally.duplicates += 1
    if not is_new:
        return
    heard.stored = True
    heard.merge(kind, ts_us, reading.seq, reading.values, received_us, behind=behind)


def _add_event(plan: Plan, heard: Heard, event: Event, message: Message) -> None:
    device, received_us = heard.device, message.received_us
    key = (device.id, event.digest)
    is_new = key not in plan.events
    if message.replay_of is not None:
        plan.replays.setdefault(message.replay_of, Replay()).events.append(key)
        if is_new:
            plan.replayed.add(key)
    elif not is_new:
        plan.duplicates += 1
        heard.tally.duplicates += 1
    if not is_new:
        return
    late = received_us - event.ts_us > device.late_after_us
    plan.events[key] = (device, event, received_us, late)
    heard.stored = True


def _span(plan: Plan) -> None:
    times = [ts_us for rows in plan.readings.values() for _, ts_us, _ in rows]
    times += [event.ts_us for _, event, _, _ in plan.events.values()]
    if times:
        plan.min_ts_us, plan.max_ts_us = min(times), max(times)
