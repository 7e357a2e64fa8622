"""Turns the meaning of a frame into MQTT messages, with sequence numbers that continue where they stopped.

Used by intake.py. The numbers handed out are written down together with the record they stand in.
"""

import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import orjson

from services.core.contracts import MAX_EVENTS, SEQ_MODULUS, EventType, JsonObject
from services.core.topics import Channel, Kind, Topic
from services.gateway.limits import Limits
from services.gateway.meaning import GO_FIRST, Meaning, render
from services.gateway.records import Message
from services.gateway.registry import Panel, Registry


class Composer:
    """`counters` are the last numbers used; `take_used` returns those that changed since it was asked last."""

    def __init__(self, registry: Registry, limits: Limits, counters: dict[str, int]) -> None:
        self._registry = registry
        self._limits = limits
        self._counters = counters
        self._measuring: Counter[str] = Counter()  # devices of their own, by the panel they measure for
        self._measuring.update(source for name in counters if (source := _measures_for(name)))
        self._used: dict[str, int] = {}

    def counters(self) -> dict[str, int]:
        """Return every last number used."""
        return self._counters

    def join(self, counters: dict[str, int]) -> None:
        """Take over older numbers, where no newer ones were used."""
        for name, number in counters.items():
            self._counters.setdefault(name, number)

    def take_used(self) -> dict[str, int]:
        """Return the counters to write down."""
        used, self._used = self._used, {}
        return used

    def _number(self, code: str, channel: Channel, count: int = 1) -> int:
        name = f"{code}/{channel}"
        first = (self._counters.get(name, -1) + 1) % SEQ_MODULUS
        self._counters[name] = self._used[name] = (first + count - 1) % SEQ_MODULUS
        return first

    def messages(self, panel: Panel, meaning: Meaning, prefix: str) -> list[Message]:
        """Return everything a frame gave; its events carry ids that begin with `prefix`."""
        return [*self._events(panel, meaning, prefix), *self._readings(panel, meaning)]

    def _events(self, panel: Panel, meaning: Meaning, prefix: str) -> Iterator[Message]:
        if not meaning.events:
            return
        events = list(render(meaning, prefix, self._number(panel.code, Channel.EVENT, len(meaning.events))))
        # what is ordinary beside a fire keeps its place behind what was said before it, here and in ingest
        for ordinary in (False, True):
            some = [event for event in events if (event["type"] not in GO_FIRST) == ordinary]
            for start in range(0, len(some), MAX_EVENTS):
                part = some[start : start + MAX_EVENTS]
                ids = tuple(event["event_id"] for event in part)
                beside = ordinary and len(some) < len(events)
                yield Message(_topic(panel, Channel.EVENT), orjson.dumps(part), ids, beside)

    def _readings(self, panel: Panel, meaning: Meaning) -> Iterator[Message]:
        by_device: dict[tuple[str, Kind], list[JsonObject]] = {}
        for reading in meaning.readings:
            code, kind, fields = panel.code, reading.kind, reading.fields
            own = f"utd-{panel.address.hex()}-{reading.suffix}"
            if reading.suffix and self._may_measure(panel, own):
                code = own
            elif reading.suffix:
                kind, fields = Kind.PANEL, {"link_ok": True, "analogs": [{"device": own, **fields}]}
            body = {"ts": reading.ts, "seq": self._number(code, Channel.TELEMETRY), **fields}
            by_device.setdefault((code, kind), []).append(body)
        self._registry.adopt((code for code, _ in by_device if code != panel.code), panel.code)
        for (code, kind), bodies in by_device.items():
            yield Message(str(Topic(panel.area, kind, code, Channel.TELEMETRY)), orjson.dumps(bodies))

    def _may_measure(self, panel: Panel, code: str) -> bool:
        """Say whether a value gets a device of its own: known ones do, new ones as far as the limits go."""
        name = f"{code}/{Channel.TELEMETRY}"
        if name in self._counters:
            return True
        source = f"utd-{panel.address.hex()}"
        room = panel.registered or len(self._counters) < self._limits.counters_before_strangers
        if not room or self._measuring[source] >= self._limits.devices_per_source:
            return False
        self._measuring[source] += 1
        return True

    def sign_of_life(self, panel: Panel, now: datetime, clock_offset_s: float | None) -> Message:
        """Return the reading that says that a link was heard."""
        seq = self._number(panel.code, Channel.TELEMETRY)
        body: JsonObject = {"ts": now.isoformat(timespec="milliseconds"), "seq": seq, "link_ok": True}
        if clock_offset_s is not None:
            body["clock_offset_s"] = round(clock_offset_s, 1)
        return Message(_topic(panel, Channel.TELEMETRY), orjson.dumps(body))

    def of_link(self, panel: Panel, now: datetime, kind: EventType, text: str, **extra: object) -> Message:
        """Return an event about the link itself."""
        event_id = f"{panel.address.hex()}-{int(now.timestamp() * 1000):x}-link-{secrets.token_hex(4)}"
        event = {
            "event_id": event_id,
            "seq": self._number(panel.code, Channel.EVENT),
            "ts": now.isoformat(timespec="milliseconds"),
            "type": kind,
            "description": text,
            **extra,
        }
        return Message(_topic(panel, Channel.EVENT), orjson.dumps(event), (event_id,))


def _measures_for(counter: str) -> str:
    """Return `utd-<address>` of the panel for which the device of a counter measures, empty when it is none."""
    source, _, what = counter.partition("-")[2].partition("-")
    return f"utd-{source}" if what and counter.startswith("utd-") else ""


def _topic(panel: Panel, channel: Channel) -> str:
    return str(Topic(panel.area, Kind.PANEL, panel.code, channel))
