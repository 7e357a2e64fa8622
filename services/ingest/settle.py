"""What the fast parser settles in silence: an integer beyond 64 bits, a `type` that stands twice. Pure; mend calls it.

An id of 20 digits (date, time and a count) would lose its last ones, and of a fire that also names the sort of its
detector as `type` nothing but the detector would be left.
"""

import json
from typing import Any

from services.core.contracts import EventType
from services.core.event_types import known_type

_FIRES = frozenset({EventType.FIRE, EventType.MANUAL_ALARM})


def settle(payload: bytes, parsed: Any) -> Any:
    """Return the value of a message of which the fast parser made `parsed`."""
    elements = parsed if isinstance(parsed, list) else [parsed]
    if payload.count(b'"type"') <= len(elements) and not any(map(_may_lack_digits, elements)):
        return parsed
    try:
        return json.loads(payload, object_pairs_hook=_object)
    except (ValueError, RecursionError):  # deeper or longer than this parser goes: as it was read first
        return parsed


def _may_lack_digits(element: Any) -> bool:
    return isinstance(element, dict) and any(type(element.get(name)) is float for name in ("event_id", "component"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of several types that of a fire counts, and all are kept beside it."""
    found = dict(pairs)
    types = [value for name, value in pairs if name == "type"] if len(found) < len(pairs) else []
    fire = next((one for one in types if isinstance(one, str) and known_type(one) in _FIRES), None)
    if fire is not None:
        found["type"] = fire
        found.setdefault("types", types)
    return found
