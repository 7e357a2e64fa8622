"""Lists in parts: a bounded number of items, and an opaque cursor to the part that follows."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.request.answers import answer
from services.api.request.fields import BIGINT, no_nul, sane
from services.api.request.problems import Problem

T = TypeVar("T")
MAX_LIMIT = 1000
_CURSOR_LENGTH = 1500  # of a place by a name of 200 characters with four bytes each, and a code of 64: 1 190
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="most items of one answer")]
Cursor = Annotated[
    str | None, Query(max_length=_CURSOR_LENGTH, description="`next` of the answer before; opaque", examples=[None])
]


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` is the cursor of the part that follows, or null at the end."""

    items: list[T]
    next: str | None = Field(examples=[None])


def page(items: Sequence[Any], limit: int, keys: Sequence[Sequence[Any]]) -> Response:
    """Return one part of a list from up to `limit` + 1 items; `keys` are their places in the order."""
    more = len(items) > limit
    return answer({"items": items[:limit], "next": encode_cursor(keys[limit - 1]) if more else None})


def page_of(items: Sequence[Mapping[str, Any]], by: str, limit: int, cursor: str | None) -> Response:
    """Return one part of a short list that is at hand, in its order; `by` names the text that tells its items apart."""
    place = decode_cursor(cursor, str)
    names = [item[by] for item in items]
    if place is not None and place[0] not in names:
        raise _no_cursor()
    rest = items[names.index(place[0]) + 1 :] if place is not None else items
    return page(rest[: limit + 1], limit, [(item[by],) for item in rest])


def encode_cursor(key: Sequence[Any]) -> str:
    """Return a place in an order as opaque text."""
    plain = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    raw = orjson.dumps([part.hex() if isinstance(part, bytes) else str(part) if isinstance(part, UUID) else part
                        for part in plain])  # fmt: skip
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _part(value: object, kind: type) -> Any:
    if kind is datetime:
        return sane(datetime.fromisoformat(str(value)).astimezone(UTC))
    if kind is bytes:
        return bytes.fromhex(str(value)[:128])
    if kind is UUID:
        return UUID(str(value))
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, int) and not -BIGINT <= value <= BIGINT):
        raise TypeError
    return no_nul(value) if isinstance(value, str) else value


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the place that `encode_cursor` wrote.

    Raises:
        Problem: 422, it is not one of ours.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values: Any = orjson.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
        parts = tuple(_part(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (ValueError, TypeError, binascii.Error, UnicodeError) as error:
        raise _no_cursor() from error
    return parts


def _no_cursor() -> Problem:
    message = "is not a cursor of this list; start again without it"
    return Problem(422, "bad_cursor", f"cursor: {message}", errors=[{"field": "cursor", "message": message}])
