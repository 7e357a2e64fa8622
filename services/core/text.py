"""Text and JSON from outside, made fit for PostgreSQL: no NUL, no half of a surrogate pair, bounded. Pure.

Whatever somebody else wrote (an answer, an error, a field of a message) passes here before it becomes a parameter.
Promises that the result can be stored as text or jsonb, and that what was readable stays readable.
"""

import json
import math
from typing import Any

DEEPEST = 40  # levels kept of JSON that is only kept, never read
_LONGEST_ERROR = 500


def clean_text(text: str, most: int | None = None) -> str:
    """Return `text` with U+FFFD for NUL, `?` for lone surrogates, cut to `most` characters (the last one is `…`)."""
    if not text.isascii() or "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
    return text if most is None or len(text) <= most else text[: max(0, most - 1)] + "…"


def clean_json(value: Any, depth: int = 0) -> Any:
    """Return `value` as jsonb can hold it: clean text, finite numbers of 64 bits, bounded depth, text for the rest."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else show_value(value, 400)
    if depth >= DEEPEST:
        return "nested too deep"
    if isinstance(value, (list, tuple, set, frozenset)):
        return [clean_json(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(item, depth + 1) for key, item in value.items()}
    return clean_text(str(value))


def describe_error(error: BaseException) -> str:
    """Return an error as one line for people: its class and text; of a group, those of its members."""
    if isinstance(error, BaseExceptionGroup):
        return clean_text("; ".join(describe_error(inner) for inner in error.exceptions), _LONGEST_ERROR)
    said = " ".join(str(error).split())
    name = type(error).__name__
    return clean_text(f"{name}: {said}" if said else name, _LONGEST_ERROR)


def show_value(value: Any, limit: int = 60) -> str:
    """Return `value` in few characters for a message to a person."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__} too big to show"
    return clean_text(text, limit)
