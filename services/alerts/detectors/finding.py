"""What a detector says: something began, or is over, with its members and its most likely place. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.core.words import Reason, Severity


class Place(NamedTuple):
    """A point, WGS 84 degrees."""

    lon: float
    lat: float


class EarlyWarning(NamedTuple):
    """One verdict. `device` is None for an event of the mains, whose `members` are device codes, worst first.

    `group` names the hydrants that were compared, by the first of them: an area may have several groups.
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
