"""An element that is larger than the county's broker takes, made smaller without losing which row it is. Pure.

What a device sent in GB 18030 or with few escapes is larger as our JSON. Promises that a fire goes up: without its
further fields if that is enough, else with its texts cut as ingest cuts them.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from services.core.contracts import READING_FIELDS
from services.core.topics import Channel, parse_topic
from services.relay.packing import Row

MARK = "reduced_from_bytes"
LONGEST_TEXT = 200
_EVENT = (
    "event_id", "ts", "seq", "type", "active", "component", "zone", "system_type", "component_type", "description",
)  # fmt: skip


def reduced(row: Row, most_bytes: int) -> bytes | None:
    """Return the row's element in at most so many bytes; None where even its name and time are more."""
    element = orjson.loads(row.element)
    known = {name: element[name] for name in _names(row.topic) if name in element} | {MARK: len(row.element)}
    for smaller in (known, {name: _short(name, value) for name, value in known.items() if _is_plain(value)}):
        payload = orjson.dumps(smaller)
        if len(payload) <= most_bytes:
            return payload
    return None


def _names(topic: str) -> Iterable[str]:
    parsed = parse_topic(topic)
    if parsed is None or parsed.channel is Channel.EVENT:
        return _EVENT
    return ("ts", "seq", *READING_FIELDS[parsed.kind])


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _short(name: str, value: Any) -> Any:
    return value[:LONGEST_TEXT] if isinstance(value, str) and name != "event_id" else value
