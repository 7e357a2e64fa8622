"""What we may be told about somebody else's HTTP receiver: its address, headers, and how it says that it took a thing.

Checked here when a policy or a contact is written, and again when it is read: the table may hold anything.
"""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

MAX_URL = 2000
_DEEPEST, _MOST_PARTS, _LONGEST_TEXT = 8, 200, 1000  # of a body template
_NOT_PRINTED = re.compile(r"[\x00-\x20\x7f]")
# RFC 9110 5.6.2 and 5.5, without obs-text: what lies above ASCII has no agreed meaning on the wire
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"([\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?)?")
# set by the connection itself; with other values a receiver would wait for bytes that never come
OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "keep-alive"}
)
PLACEHOLDERS = ("{address}", "{name}", "{text}")


def check_url(value: str) -> str:
    """Return an http(s) address that a request can be sent to.

    Raises:
        ValueError: it is none; the message never holds the address, which may hold a password.
    """
    wanted = "must be an http or https URL with a host, as http://gateway.example:8080/send"
    if len(value) > MAX_URL or _NOT_PRINTED.search(value):
        raise ValueError(f"{wanted}; no blanks or control characters, at most {MAX_URL} characters")
    try:
        parts = urlsplit(value)
        url = httpx2.URL(value)  # the parser that will be used, with its own idea of ports and of IDNA
        good = parts.scheme in {"http", "https"} and bool(url.host) and parts.hostname is not None and parts.port != 0
        url.raw_host.decode("ascii")
    except (ValueError, TypeError, httpx2.InvalidURL):
        good = False
    if not good:
        raise ValueError(wanted)
    return value


def _check_header_name(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError("a header's name must be letters, digits and !#$%&'*+.^_`|~-, at most 100 of them")
    if value.lower() in OURS:
        raise ValueError(f"the connection itself sets {', '.join(sorted(OURS))}")
    return value


def _check_header_value(value: str) -> str:
    if len(value) > MAX_URL or not _VALUE.fullmatch(value):
        raise ValueError(f"a header's value must be ASCII text without control characters, at most {MAX_URL} long")
    return value


def check_template(value: Any) -> Any:
    """Return a template of a JSON body: objects, lists, texts, numbers, of bounded size.

    Raises:
        ValueError: it is too deep, too large, or holds what JSON has not.
    """
    waiting: list[tuple[Any, int]] = [(value, 1)]
    parts = 0
    while waiting:
        part, depth = waiting.pop()
        parts += 1
        if depth > _DEEPEST or parts > _MOST_PARTS:
            raise ValueError(f"must be at most {_DEEPEST} levels deep and hold at most {_MOST_PARTS} parts")
        if isinstance(part, dict):
            waiting += [(key, depth + 1) for key in part] + [(inner, depth + 1) for inner in part.values()]
        elif isinstance(part, list):
            waiting += [(inner, depth + 1) for inner in part]
        elif isinstance(part, str):
            _check_text(part)
        elif isinstance(part, int | float) and not -(2**53) <= part <= 2**53:  # NaN compares false
            raise ValueError("its numbers must be finite and at most 2^53")
        elif not isinstance(part, int | float | None):
            raise TypeError("must be JSON")
    return value


def _check_text(text: str) -> None:
    if len(text) > _LONGEST_TEXT or "\0" in text:
        raise ValueError(f"its texts must have at most {_LONGEST_TEXT} characters, none of them NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("its texts must not hold half of a surrogate pair") from None


HttpUrl = Annotated[str, AfterValidator(check_url)]
OptionalHttpUrl = Annotated[str, AfterValidator(lambda value: check_url(value) if value else value)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]
HeaderValue = Annotated[str, AfterValidator(_check_header_value)]
Headers = Annotated[
    dict[HeaderName, HeaderValue],
    Field(max_length=30, description="names and values as RFC 9110 has them, texts in ASCII"),
]
BodyTemplate = Annotated[
    dict[str, Any],
    AfterValidator(check_template),
    Field(description="the JSON that is posted; {address}, {name} and {text} are filled in"),
]
JsonPath = Annotated[
    str,
    Field(
        pattern=r"^(\$\.)?[A-Za-z0-9_-]{1,60}(\.[A-Za-z0-9_-]{1,60}){0,7}$",
        description="names joined by points, as errcode or $.result.0.code; a number counts the elements of a list",
    ),
]


class JsonEquals(BaseModel):
    """The field of a JSON answer that says yes, and what it then holds."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"path": "errcode", "equals": 0}]},
    )

    path: JsonPath
    equals: (
        Annotated[str, StringConstraints(max_length=200)]
        | bool
        | Annotated[int, Field(ge=-(2**53), le=2**53)]
        | Annotated[float, Field(allow_inf_nan=False)]
        | None
    )


class SuccessRule(BaseModel):
    """How a receiver says that it took a message: many answer 200 to everything and tell the rest in the body."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"status": [200], "json": {"path": "errcode", "equals": 0}}]},
    )

    status: Annotated[list[Annotated[int, Field(ge=200, le=599)]], Field(min_length=1, max_length=20)] | None = Field(
        default=None, description="the statuses that can be a yes; none named: 200 to 299 and 409"
    )
    json_: JsonEquals | None = Field(default=None, alias="json")


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses lead to one scheme, host and port: what is sent to the first may be sent to the other."""
    try:
        first, second = httpx2.URL(one), httpx2.URL(other)
    except (ValueError, TypeError, httpx2.InvalidURL):
        return False
    return (first.scheme, first.host, first.port) == (second.scheme, second.host, second.port)
