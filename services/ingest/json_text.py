"""Bytes to JSON values and back. Pure; decode calls it.

orjson is fast and strict; what it refuses is tried again: a NaN literal is one bad field, not a lost message. What is
not JSON at all goes to `mend`.
"""

import json
from typing import Any

import orjson
from pydantic_core import from_json

from services.core.text import clean_json


def parse(payload: bytes | str) -> Any:
    """Return the JSON value; NaN and Infinity literals become floats.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return from_json(payload, allow_inf_nan=True)


def dump_element(element: Any) -> bytes:
    """Return one element of an array as bytes for the reject table, NaN and all."""
    try:
        text = json.dumps(element, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError):
        text = json.dumps(clean_json(element), ensure_ascii=False)
    return text.encode("utf-8", "replace")
