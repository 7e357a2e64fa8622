"""How answers are written: JSON bytes that spoil nothing, and the ETag of what has a version."""

from collections.abc import Mapping
from uuid import UUID

import orjson
from starlette.responses import Response

from services.core.text import clean_json, clean_text

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
_DEEPEST = 100  # levels that an answer shows


def _default(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, UUID):  # asyncpg has its own subclass
        return str(value)
    raise TypeError(type(value).__name__)


def encode(content: object) -> bytes:
    """Return JSON as UTF-8; times as RFC 3339 in UTC. A stored value that JSON cannot hold does not spoil the rest."""
    try:
        return orjson.dumps(content, default=_default, option=_OPTIONS)
    except TypeError:  # half of a surrogate pair, an integer of more than 64 bits, a document nested too deep
        return orjson.dumps(_readable(content), default=_default, option=_OPTIONS)


def _readable(value: object, depth: int = 0) -> object:
    """Return what can be shown of content: text instead of what JSON cannot hold."""
    if isinstance(value, dict | list | tuple) and depth >= _DEEPEST:
        return "nested too deep"
    if isinstance(value, dict):
        return {clean_text(str(name)): _readable(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item, depth + 1) for item in value]
    if isinstance(value, str):
        return clean_text(value)
    return clean_json(value) if type(value) is int else value


def answer(
    content: object, status: int = 200, *, version: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `content` as JSON, with its ETag when it has a version."""
    all_headers = dict(headers or {})
    if version is not None:
        all_headers["ETag"] = f'"{version}"'
    return Response(encode(content), status, headers=all_headers, media_type="application/json")
