"""Bytes to JSON values and back to values that PostgreSQL can keep. Pure; decode calls it.

orjson is fast and strict; what it refuses is tried again: a NaN literal is one bad field, not a lost message.
"""

import json
import math
from typing import Any

import orjson
from pydantic_core import from_json

DEEPEST = 40  # levels kept of unknown fields


def parse(payload: bytes) -> Any:
    """Return the JSON value; NaN and Infinity literals become floats.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return from_json(payload, allow_inf_nan=True)


def parse_leniently(payload: bytes) -> tuple[Any, str | None]:
    """Return the value and what had to be forgiven: an event must not be lost for one byte in its description.

    Raises:
        ValueError: not even then is it JSON.
    """
    try:
        return parse(payload), None
    except ValueError as error:
        first = error
    try:
        text, flag = payload.decode("utf-8-sig"), "bad_json_text"
    except UnicodeDecodeError:
        try:
            text, flag = payload.decode("gb18030"), "not_utf8_read_as_gb18030"
        except UnicodeDecodeError:
            text, flag = payload.decode("utf-8", "replace"), "not_utf8"
    try:
        return json.loads(text, strict=False), flag
    except (ValueError, RecursionError):
        raise first from None


def storable(value: Any, depth: int = 0) -> Any:
    """Return `value` without what jsonb cannot hold: NUL, lone surrogates, NaN, huge integers, endless depth."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else show(value, 400)
    if depth >= DEEPEST:
        return "nested too deep"
    if isinstance(value, list):
        return [storable(item, depth + 1) for item in value]
    return {storable_text(key): storable(item, depth + 1) for key, item in value.items()}


def storable_text(text: str) -> str:
    """Return `text` as UTF-8 without NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def dump_element(element: Any) -> bytes:
    """Return one element of an array as bytes for the reject table, NaN and all."""
    try:
        text = json.dumps(element, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError):
        text = json.dumps(storable(element), ensure_ascii=False)
    return text.encode("utf-8", "replace")


def show(value: Any, limit: int = 60) -> str:
    """Return `value` in few characters for a message to a person."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__} too big to show"
    return text if len(text) <= limit else text[: limit - 1] + "…"
