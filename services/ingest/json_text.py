"""Bytes to JSON values and back to values that PostgreSQL can keep. Pure; decode calls it.

orjson is fast and strict; what it refuses is tried again: a NaN literal is one bad field, not a lost message.
"""

import json
from typing import Any

import orjson
from pydantic_core import from_json

from services.core.text import clean_json


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


def dump_element(element: Any) -> bytes:
    """Return one element of an array as bytes for the reject table, NaN and all."""
    try:
        text = json.dumps(element, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError):
        text = json.dumps(clean_json(element), ensure_ascii=False)
    return text.encode("utf-8", "replace")
