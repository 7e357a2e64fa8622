"""How answers are written: JSON bytes, pages with opaque cursors, ETags, and what OpenAPI says of them."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, StringConstraints
from starlette.responses import Response

from services.api.request.problems import Problem, ProblemDocument
from services.core.text import clean_json, clean_text

T = TypeVar("T")
MAX_LIMIT = 1000
BIGINT = 2**63 - 1
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_CURSOR_LENGTH = 500
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
_DEEPEST = 100  # levels that an answer shows


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the character NUL")
    return text


def _blank_as_plus(value: object) -> object:
    # an unescaped + of an offset arrives as a blank
    if isinstance(value, str) and len(value) > 6 and value[-6] == " ":
        return f"{value[:-6]}+{value[-5:]}"
    return value


def _sane(moment: datetime) -> datetime:
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise ValueError(f"must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_blank_as_plus), AfterValidator(_sane)]
Line = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(_no_nul)]
Words = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True), AfterValidator(_no_nul)]
AreaCode = Annotated[str, Field(pattern=r"^[0-9]{6,12}$", examples=["140931100"])]
AreaFilter = Annotated[
    str | None, Query(pattern=r"^[0-9]{2,12}$", description="a code; covers every area whose code begins with it")
]
DeviceCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["h-0001"])]
DeviceFilter = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="a device's code")]
RowId = Annotated[int, Field(ge=1, le=BIGINT)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="most items of one answer")]
Cursor = Annotated[
    str | None, Query(max_length=_CURSOR_LENGTH, description="`next` of the answer before; opaque", examples=[None])
]
From = Annotated[Moment | None, Query(alias="from", description="RFC 3339 with offset, inclusive")]
To = Annotated[Moment | None, Query(alias="to", description="RFC 3339 with offset, exclusive")]


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` is the cursor of the part that follows, or null at the end."""

    items: list[T]
    next: str | None = Field(examples=[None])


def _default(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, UUID):  # asyncpg has its own subclass
        return str(value)
    raise TypeError(type(value).__name__)


def encode(content: object) -> bytes:
    """Return JSON as UTF-8; times as RFC 3339 in UTC. A stored value that JSON cannot hold spoils nothing beside it."""
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


def page(items: Sequence[Any], limit: int, keys: Sequence[Sequence[Any]]) -> Response:
    """Return one part of a list from up to `limit` + 1 items; `keys` are their places in the order."""
    more = len(items) > limit
    return answer({"items": items[:limit], "next": encode_cursor(keys[limit - 1]) if more else None})


def encode_cursor(key: Sequence[Any]) -> str:
    """Return a place in an order as opaque text."""
    plain = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    raw = orjson.dumps([part.hex() if isinstance(part, bytes) else str(part) if isinstance(part, UUID) else part
                        for part in plain])  # fmt: skip
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _part(value: object, kind: type) -> Any:
    if kind is datetime:
        return _sane(datetime.fromisoformat(str(value)).astimezone(UTC))
    if kind is bytes:
        return bytes.fromhex(str(value)[:128])
    if kind is UUID:
        return UUID(str(value))
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, int) and not -BIGINT <= value <= BIGINT):
        raise TypeError
    return _no_nul(value) if isinstance(value, str) else value


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
        message = "is not a cursor of this list; start again without it"
        raise Problem(
            422, "bad_cursor", f"cursor: {message}", errors=[{"field": "cursor", "message": message}]
        ) from error
    return parts


def check_span(begin: datetime | None, end: datetime | None, longest: timedelta | None = None) -> None:
    """Refuse a time span that ends before it begins, or is longer than `longest`."""
    if begin is None or end is None:
        return
    if end <= begin:
        raise Problem(422, "invalid", "to: must be later than from", errors=[{"field": "to", "message": "too early"}])
    if longest is not None and end - begin > longest:
        message = f"at most {longest.days} days after from"
        raise Problem(422, "invalid", f"to: {message}", errors=[{"field": "to", "message": message}])


PROBLEM_CONTENT = {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}}}
_PROBLEMS = {
    400: "The request cannot be read",
    401: "Nobody is signed in, or the key is not valid",
    403: "The role or the areas do not allow it",
    404: "There is no such thing, or it belongs to another area",
    408: "The body did not come in time",
    409: "What stands forbids it",
    412: "It has changed since it was read",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value is not valid; `errors` names the fields",
    428: "If-Match is required",
    429: "Too many tries, or too many requests of one caller at a time",
    502: "The broker does not answer",
    503: "The database does not answer, or not in time",
}


def described(model: Any, *problems: int, status: int = 200, etag: bool = False) -> dict[int | str, dict[str, Any]]:
    """Return what a route answers, for OpenAPI: `model` at `status`, and the problems it can meet."""
    shown: dict[int | str, dict[str, Any]] = {}
    good: dict[str, Any] = {"description": "Done"} if model is None else {"model": model, "description": "Done"}
    if etag:
        good["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "the version, for If-Match"}}
    codes = sorted({401, 403, 422, 429, 503, *problems})
    shown[status] = good
    for code in codes:
        shown[code] = problem_described(code)
    return shown


def problem_described(code: int) -> dict[str, Any]:
    """Return what OpenAPI says of a refusal with this status."""
    return {"description": _PROBLEMS[code], "content": PROBLEM_CONTENT}
