"""What the fast parser settles in silence: an integer beyond 64 bits, a `type` that stands twice. Pure.

mend calls it of what a fast parser took, broken_json of what it reads itself. An id of 20 digits (date, time and a
count) would lose its last ones, and of a fire that also names the sort of its detector as `type` nothing but the
detector would be left.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from services.core.contracts import EventType
from services.core.event_types import known_type

DEEPEST_LIST = 8
_FIRES = frozenset({EventType.FIRE, EventType.MANUAL_ALARM})


def settle(sent: bytes | str, parsed: Any) -> Any:
    """Return the value of a message of which the fast parser made `parsed`."""
    objects = list(_objects(parsed if isinstance(parsed, list) else [parsed]))
    types = sent.count('"type"') if isinstance(sent, str) else sent.count(b'"type"')
    if types <= sum("type" in one for one in objects) and not any(map(_may_lack_digits, objects)):
        return parsed
    try:
        return json.loads(sent, object_pairs_hook=make_object)
    except (ValueError, RecursionError):  # deeper or longer than this parser goes: as it was read first
        return parsed


def _objects(elements: Iterable[Any], depth: int = 0) -> Iterator[dict[str, Any]]:
    """Give the objects of a list, those of lists in it included."""
    for one in elements:
        if isinstance(one, dict):
            yield one
        elif isinstance(one, list) and depth < DEEPEST_LIST:
            yield from _objects(one, depth + 1)


def _may_lack_digits(element: dict[str, Any]) -> bool:
    return any(type(element.get(name)) is float for name in ("event_id", "component"))


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of several types that of a fire counts, and all are kept beside it."""
    found = dict(pairs)
    types = [value for name, value in pairs if name == "type"] if len(found) < len(pairs) else []
    fire = next((one for one in types if isinstance(one, str) and known_type(one) in _FIRES), None)
    if fire is not None:
        found["type"] = fire
        found.setdefault("types", types)
    return found
