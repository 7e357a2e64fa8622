"""Values that requests carry, with their bounds: times, lines of text, codes. Used by the models of every room."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from services.api.request.problems import invalid

BIGINT = 2**63 - 1


class Language(StrEnum):
    """In which language something is written."""

    ZH = "zh"
    EN = "en"


_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_FEWEST_DIGITS = 9  # of seconds since 1970, in any year that is meant


def no_nul(text: str) -> str:
    """Return `text`, which PostgreSQL can hold; with a NUL in it, it is refused."""
    if "\x00" in text:
        raise ValueError("must not contain the character NUL")
    return text


def _blank_as_plus(value: object) -> object:
    # an unescaped + of an offset arrives as a blank
    if isinstance(value, str) and len(value) > 6 and value[-6] == " ":
        return f"{value[:-6]}+{value[-5:]}"
    return value


def _no_bare_number(value: object) -> object:
    """Refuse `2026` and `20261128`: as seconds since 1970 they would be a moment that nobody means."""
    digits = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if digits.isascii() and digits.isdigit() and len(digits) < _FEWEST_DIGITS:
        raise ValueError("is no moment: write RFC 3339 with offset, as 2026-11-23T08:00:00+08:00")
    return value


def sane(moment: datetime) -> datetime:
    """Return `moment`; one of a year that no device and nobody here means is refused."""
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise ValueError(f"must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment


Moment = Annotated[
    AwareDatetime, BeforeValidator(_blank_as_plus), BeforeValidator(_no_bare_number), AfterValidator(sane)
]
# A query parameter that is its own answer: `?dry_run` and `?dry_run=` say yes. Not for what overrides a warning: an
# empty one is what clients write where they have no answer.
Flag = Annotated[bool, BeforeValidator(lambda value: True if value == "" else value)]
LONGEST_LINE = 200
Line = Annotated[str, StringConstraints(max_length=LONGEST_LINE, strip_whitespace=True), AfterValidator(no_nul)]
Words = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True), AfterValidator(no_nul)]
AreaCode = Annotated[str, Field(pattern=r"^[0-9]{6,12}$", examples=["140931100"])]
AreaFilter = Annotated[
    str | None, Query(pattern=r"^[0-9]{2,12}$", description="a code; covers every area whose code begins with it")
]
DeviceCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["h-0001"])]
DeviceFilter = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="a device's code")]
RowId = Annotated[int, Field(ge=1, le=BIGINT)]
From = Annotated[Moment | None, Query(alias="from", description="RFC 3339 with offset, inclusive")]
To = Annotated[Moment | None, Query(alias="to", description="RFC 3339 with offset, exclusive")]


def plain(name: str, text: str) -> str:
    """Return the text of the query parameter `name`.

    Raises:
        Problem: 422, PostgreSQL cannot hold it.
    """
    try:
        return no_nul(text)
    except ValueError as odd:
        raise invalid(name, str(odd)) from None


def check_span(begin: datetime | None, end: datetime | None, longest: timedelta | None = None) -> None:
    """Refuse a time span that ends before it begins, or is longer than `longest`."""
    if begin is None or end is None:
        return
    if end <= begin:
        raise invalid("to", "must be later than from")
    if longest is not None and end - begin > longest:
        raise invalid("to", f"at most {longest.days} days after from")
