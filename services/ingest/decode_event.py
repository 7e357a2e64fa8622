"""Events from bytes. Pure; decode calls it. An event whose type is readable always comes out, whatever else is broken.

Bad parts go to `extra` under `bad` with a flag under `flags`; a wrong clock is replaced by the receive time.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from services.core.contracts import MISPLACED, SEQ_MODULUS
from services.core.event_types import SWITCH, TYPE_LIMIT, known_type
from services.core.moment import from_us, read_ts
from services.core.text import clean_json, clean_text, show_value
from services.ingest.mend import KEPT, TWICE, Element, is_json, read_elements
from services.ingest.moment import LONGEST_AWAY_US, clock_fault
from services.ingest.reject import Reject

TEXT_LIMITS = {"component": 200, "zone": 200, "description": 2000}
EVENT_ID_LIMIT = 1000
ACK_ID_LIMIT = 10_000  # no device waits for a longer id
FAR_FUTURE_US = 253_402_300_799_000_000  # the end of the year 9999, beyond which our calendars cannot go
FAR_PAST_US = -62_135_596_800_000_000
EXACT = 2**53  # above it a float has left out digits
DERIVED = "derived-"  # begins the id of an event that came without one
OWN_NAMES = frozenset(
    {"event_id", "ts", "seq", "type", "active", "component", "zone", "system_type", "component_type", "description"}
)


@dataclass(slots=True)
class Event:
    """One row to be. `ts_us` is the device's time, or the receive time where that was missing or implausible."""

    event_id: str
    ts_us: int
    type: str
    digest: bytes
    device_ts: datetime | None = None
    seq: int | None = None
    active: bool = True
    component: str = ""
    zone: str = ""
    system_type: int | None = None
    component_type: int | None = None
    description: str = ""
    extra: dict[str, Any] | None = None
    sent: dict[str, Any] = field(default_factory=dict)  # of its identity, what the rest cannot give back as it was sent
    clock_good: bool = True  # ts_us is the device's own
    nameless: bool = False  # it has neither id nor time, so the next event like it has the same bytes
    place: int | None = None  # in its message's list
    counted: bool = False  # it has a number and no time: its counter may have begun anew


@dataclass(slots=True)
class Found:
    """All that one event message holds."""

    events: list[Event] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    ack_ids: list[str] = field(default_factory=list)
    mended: frozenset[str] = frozenset()  # what we had to tolerate


def read_events(payload: bytes, received_us: int) -> Found:
    """Return the events, rejects and readable event ids of one message."""
    found = Found()
    elements, error = read_elements(payload)
    if not elements:
        reason = "wrong_shape" if error is None else "not_json"
        found.rejects.append(Reject(payload, reason, "the list of events is empty" if error is None else _say(error)))
    for element in elements:
        _read_element(found, element, received_us, error)
    if error is not None and not found.events and len(found.rejects) > 1:
        found.rejects = [Reject(payload, "not_json", _say(error))]  # garbage is one reject, however many braces it has
    twice = "encoded_twice" in found.mended
    if found.events and (twice or (error is not None and not is_json(payload))):
        detail = f"{TWICE if twice else _say(error)}; {KEPT}"
        found.rejects.append(Reject(payload, "not_json", detail, stored=True))
    return found


def _say(error: ValueError | None) -> str:
    return f"not JSON ({str(error)[:100]}): send one event as an object, or a list of events"


def _read_element(found: Found, element: Element, received_us: int, error: ValueError | None) -> None:
    if not isinstance(element.value, dict):
        detail = "an event is an object with event_id, ts and type"
        found.rejects.append(Reject(element.raw, "wrong_shape", detail, element.index))
        return
    if element.marks:
        found.mended |= frozenset(element.marks)
    parts = _Parts(element)
    sent_id = parts.event_id()
    awaited = sent_id or parts.id_as_sent()
    if awaited is not None:
        found.ack_ids.append(awaited)
    kind = parts.element.get("type")
    if not isinstance(kind, str) or not kind.strip():
        reason, detail = "type_unreadable", f"type is {show_value(kind)}: send a text such as fire, fault or reset"
        if element.broken:
            reason, detail = "not_json", _say(error)
        found.rejects.append(Reject(element.raw, reason, detail, element.index))
        return
    if sent_id is None:
        derived = DERIVED + hashlib.sha256(element.raw).hexdigest()[:32]
        if awaited is None:
            found.ack_ids.append(derived)
    ts_us, device_ts = parts.clock(received_us)
    event = Event(
        event_id=sent_id or derived,
        ts_us=ts_us,
        type=parts.type(kind),
        digest=digest_of(parts.element, sent_id or derived),
        device_ts=device_ts,
        seq=parts.number("seq", SEQ_MODULUS),
        active=parts.active(),
        component=parts.text("component"),
        zone=parts.text("zone"),
        system_type=parts.number("system_type", 256),
        component_type=parts.number("component_type", 256),
        description=parts.text("description"),
        clock_good=not parts.clock_replaced,
        place=element.index,
        nameless=parts.timeless and parts.is_unnamed(sent_id),
        counted=parts.timeless and sent_id is not None and sent_id.isdecimal(),
    )
    event.extra = parts.extra()
    event.sent = parts.sent(event)
    found.events.append(event)


def digest_of(element: dict[str, Any], event_id: str) -> bytes:
    """Return the identity of an event: event_id, ts as sent, type, active and component (contract 3)."""
    identity = [event_id, *(element.get(name) for name in ("ts", "type", "active", "component"))]
    if identity[3] is None:
        identity[3] = True
    if identity[4] is None:
        identity[4] = ""
    return hashlib.sha256(orjson.dumps(clean_json(identity), option=orjson.OPT_SORT_KEYS)).digest()


def is_type(sent: object) -> bool:
    """Whether it is the type of an event, however it is written."""
    return isinstance(sent, str) and known_type(sent) is not None


def event_among(elements: Iterable[Element]) -> str | None:
    """Return what a reject says of a message on the wrong channel for the event it holds; None: it holds none."""
    for element in elements:
        named = element.spell("type") if element.broken else []
        for kind in (element.value.get("type") if isinstance(element.value, dict) else None, *named):
            if is_type(kind):
                return misplaced(kind)
    return None


def misplaced(kind: object) -> str:
    """Return what a reject says of an event of this type that is on the wrong channel."""
    return f"{MISPLACED} ({show_value(kind)}): publish it to …/up/event, where it is heard at once"


def _whole(value: Any) -> Any:
    """Return a whole number as such, however its encoder writes it (23.0); anything else as it is."""
    return int(value) if type(value) is float and value.is_integer() and abs(value) < EXACT else value


class _Parts:
    """Reads the parts of one event, keeping what is bad."""

    def __init__(self, source: Element) -> None:
        self.element: dict[str, Any] = source.value
        self.flags = list(source.marks)
        self.bad: dict[str, Any] = {}
        self.clock_replaced = self.timeless = False
        if source.doubtful:
            self._leave_out_doubtful(source.doubtful)
        if source.broken:
            self.bad["sent"] = source.text[: TEXT_LIMITS["description"]]
            self._spell_out(source)

    def _leave_out_doubtful(self, doubtful: frozenset[str]) -> None:
        """Keep beside the event what may lack its end: a component cut short is another component.

        A type that is whole although its end was cut is readable, and part of a description helps more than none.
        """
        self.element = dict(self.element)
        for name in sorted(doubtful):
            value = self.element[name]
            if name == "description" or (name == "type" and is_type(str(value))):
                continue
            self._complain(name)
            del self.element[name]

    def _spell_out(self, source: Element) -> None:
        """Look for type and event_id by their names alone: a fire must not be lost for a quote in its description."""
        if not isinstance(self.element.get("type"), str):
            spelled = [kind for kind in source.spell("type") if is_type(kind)]
            if spelled:
                self.element = {**self.element, "type": spelled[0]}
        if self.element.get("event_id") is None and "event_id" not in source.doubtful:
            ids = source.spell("event_id")
            if len(ids) == 1:
                self.element = {**self.element, "event_id": ids[0]}

    def _complain(self, name: str, flag: str | None = None) -> None:
        self.flags.append(flag or f"bad_field: {name}")
        self.bad[name] = self.element[name]

    def event_id(self) -> str | None:
        value = _whole(self.element.get("event_id"))
        if type(value) is int:
            self._complain("event_id", "event_id_is_a_number")
            value = show_value(value)
        if isinstance(value, str) and 0 < len(value) <= EVENT_ID_LIMIT and clean_text(value) == value:
            return value
        if value is None:
            self.flags.append("event_id_derived")
        else:
            self._complain("event_id", "event_id_derived")
        return None

    def id_as_sent(self) -> str | None:
        """Return an id that we cannot store but can send back to the device, which waits for exactly that."""
        value = self.element.get("event_id")
        can = isinstance(value, str) and len(value) <= ACK_ID_LIMIT and value == value.encode(errors="replace").decode()
        return value or None if can else None

    def is_unnamed(self, sent_id: str | None) -> bool:
        """Whether its device gave it no id; a township's relay carries the one that was derived there."""
        return self.element.get("event_id") is None if sent_id is None else sent_id.startswith(DERIVED)

    def clock(self, received_us: int) -> tuple[int, datetime | None]:
        value = self.element.get("ts")
        ts = read_ts(value)
        if isinstance(ts, tuple):
            self.clock_replaced = True
            seconds = type(value) is int and abs(value * 1_000_000 - received_us) <= LONGEST_AWAY_US
            self.timeless = not seconds
            self.flags.append(ts[0])
            if value is not None:
                self.bad["ts"] = value
            return received_us, None
        if clock_fault(ts, received_us) is None:
            return ts, None
        self.clock_replaced = True
        self.timeless = abs(ts - received_us) > LONGEST_AWAY_US  # it stands still, or begins anew at each start
        self.flags.append("clock_implausible")
        if FAR_PAST_US <= ts <= FAR_FUTURE_US:
            return received_us, from_us(ts)
        self.bad["ts"] = value
        return received_us, None

    def type(self, sent: str) -> str:
        plain, known = sent.strip(), known_type(sent)
        if known is not None:
            if known != sent:
                self._complain("type", "type_read_leniently")
            return known
        if len(plain) > TYPE_LIMIT:
            self._complain("type")
        return clean_text(plain[:TYPE_LIMIT])

    def active(self) -> bool:
        value = self.element.get("active")
        if value is None or isinstance(value, bool):
            return value is not False
        switched = SWITCH.get(value.strip().lower() if isinstance(value, str) else show_value(value))
        self._complain("active", None if switched is None else "active_read_leniently")
        return switched is not False

    def number(self, name: str, below: int) -> int | None:
        value = _whole(self.element.get(name))
        if value is None or (type(value) is int and 0 <= value < below):
            return value
        self._complain(name)
        return None

    def text(self, name: str) -> str:
        value = self.element.get(name)
        if value is None:
            return ""
        if isinstance(value, str):
            if len(value) > TEXT_LIMITS[name]:
                self._complain(name)
            text = clean_text(value[: TEXT_LIMITS[name]])
            if name == "component" and text != value[: TEXT_LIMITS[name]]:  # a `?` for half a pair is another name
                text = clean_text(value.encode("utf-8", "ignore").decode().replace("\0", "")[: TEXT_LIMITS[name]])
            return text
        self._complain(name)
        return show_value(_whole(value)) if type(_whole(value)) is int else ""

    def sent(self, event: Event) -> dict[str, Any]:
        """Return the parts of its identity as they were sent, and whether `extra` holds marks of ours."""
        kept = {"ts": self.element["ts"]} if "ts" in self.element else {}
        for name in ("type", "active", "component"):
            value, own = self.element.get(name), getattr(event, name)
            if value is not None and (value != own or isinstance(value, bool) != isinstance(own, bool)):  # 1 is no true
                kept[name] = value
        if self.flags:
            kept["marked"] = True
        cleaned: dict[str, Any] = clean_json(kept)
        return cleaned

    def extra(self) -> dict[str, Any] | None:
        extra = {name: value for name, value in self.element.items() if name not in OWN_NAMES and value is not None}
        for name in {"flags", "bad"} & extra.keys() if self.flags else ():
            self.bad[name] = extra.pop(name)  # the device's own fields of these names
        if self.flags:
            extra["flags"] = self.flags
        if self.bad:
            extra["bad"] = self.bad
        kept: dict[str, Any] = clean_json(extra)
        return kept or None
