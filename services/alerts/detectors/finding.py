"""A detector's input and output: a condition began or is over, with members and most likely place. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from services.core.words import Reason, Severity, county_time


class Reading(Protocol):
    """The fields of a reading by their names in contract 3: a mapping, or a record of the database."""

    def __contains__(self, name: object, /) -> bool: ...
    def get(self, name: str, /) -> Any:
        """Return a field, None where it is absent."""
        ...


class Place(NamedTuple):
    """A point, WGS 84 degrees."""

    lon: float
    lat: float


class EarlyWarning(NamedTuple):
    """One verdict. `device` is None for an event of the mains, whose `members` are device codes, worst first.

    `group` is a mark of the hydrants that were compared: an area may have several groups, and a group several areas, so
    it tells no device's code. `expected` and `seen` are in `unit`; `sure` is high or fair, and empty for what is over.
    """

    code: str
    at: datetime
    severity: Severity
    area: str
    reason: Reason
    active: bool = True
    device: str | None = None
    members: tuple[str, ...] = ()
    place: Place | None = None
    group: str = ""
    expected: float | None = None
    seen: float | None = None
    unit: str = ""
    sure: str = ""


class Told(NamedTuple):
    """What a detector knows beside the expected and the seen value: `body` stands in their place, `cause` after them.

    `seen` is in the unit of the warning; `since` is when it began, None: when it was told.
    """

    body: Reason | None = None
    cause: Reason | None = None
    seen: float | None = None
    since: datetime | None = None


SURE: Final = {"high": "高", "fair": "中"}


def tell_since(at: datetime, sure: str) -> Reason:
    """Return the end of a reason: since when, and how sure."""
    since = county_time(at)
    return Reason(f"；自{since.zh} 起，可信度{SURE[sure]}", f"; since {since.en}, confidence {sure}")
