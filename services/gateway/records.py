"""What the journal holds: what frames gave to publish, frames not yet looked up, states, numbers, known panels. Pure.

Made by intake.py, published by publish.py, written by journal.py; said as statements of journal_file.sql.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.gateway.meaning import Known

Statement = tuple[str, Sequence[Any]]
PanelRow = tuple[str, str, str, str, bool]  # address, code, area, profile, registered by a person


@dataclass(slots=True)
class Message:
    """One MQTT publish. `event_ids` empty: telemetry, stored when the broker has it."""

    topic: str
    payload: bytes
    event_ids: tuple[str, ...] = ()
    beside: bool = False  # what is ordinary beside a fire: it overtakes nothing of its panel; forgotten over a restart


@dataclass(slots=True)
class Record:
    """What one frame gave to publish. It is settled when all of it is known to be stored."""

    id: int
    source: bytes
    digest: bytes
    role: str = ""
    urgent: bool = False
    received_ms: int = 0
    settled_ms: int | None = None
    messages: list[Message] = field(default_factory=list)
    doubtful: int = 0  # of its telemetry: acknowledged by the broker, perhaps not written there yet
    open: set[str] = field(default_factory=set)  # event ids not acknowledged, and "#n" of telemetry not at the broker
    stored: bool = False
    on_disk: bool = False  # else nothing of it is confirmed
    stranger: bool = False  # of an address that nobody registered: it waits behind those that are


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound frame of an address that is still to be looked up."""

    id: int
    peer: str
    frame: bytes
    received_ms: int


@dataclass(slots=True)
class Remembered:
    """What the file held at the start."""

    records: list[Record] = field(default_factory=list)
    states: dict[bytes, dict[str, Known]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    panels: list[PanelRow] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)


def statements_of(record: Record, states: dict[str, Known | None], counters: dict[str, int]) -> list[Statement]:
    """Return what must be on disk before a record is published."""
    source = record.source.hex()
    out: list[Statement] = [
        ("add_record", (record.id, source, record.digest, record.role, record.urgent, record.received_ms))
    ]
    for position, message in enumerate(record.messages):
        ids = orjson.dumps(message.event_ids).decode()
        out.append(("add_message", (record.id, position, message.topic, message.payload, ids)))
    for key, known in states.items():
        if known is None:
            out.append(("drop_state", (source, key)))
        else:
            out.append(("set_state", (source, key, known.bits, known.arrival)))
    out += [("set_counter", item) for item in counters.items()]
    return out


def statements_of_all(remembered: Remembered) -> list[Statement]:
    """Return what writes everything that is remembered into an empty file."""
    out: list[Statement] = []
    for record in remembered.records:
        out += statements_of(record, {}, {})
        if record.settled_ms is not None:
            out.append(("settle", (record.settled_ms, record.id)))
    for source, states in remembered.states.items():
        out += [("set_state", (source.hex(), key, known.bits, known.arrival)) for key, known in states.items()]
    out += [("set_counter", item) for item in remembered.counters.items()]
    out += [("add_panel", row) for row in remembered.panels]
    out += [("add_heard", (heard.id, heard.peer, heard.frame, heard.received_ms)) for heard in remembered.heard]
    return out
