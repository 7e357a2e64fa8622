"""What goes up side by side, the most urgent first, and how much of each may be under way."""

from enum import IntEnum
from typing import NamedTuple

from services.core.contracts import MAX_EVENTS, MAX_READINGS, EventType

URGENT = (EventType.FIRE, EventType.MANUAL_ALARM, EventType.RESET)  # as ingest puts them first


class Lane(IntEnum):
    """The lower goes first."""

    FIRES = 0
    EVENTS = 1
    READINGS = 2


class LaneLimits(NamedTuple):
    """`mark` ends the name of its cursor."""

    mark: str
    rows_at_once: int  # read from the log together
    most_open: int  # rows read and not carried yet
    most_bytes: int  # at the broker and not acknowledged: what a fire waits for on a slow line
    elements: int  # of a message


LIMITS = {
    Lane.FIRES: LaneLimits(" relay fires", 500, 5_000, 64 * 1024, MAX_EVENTS),
    Lane.EVENTS: LaneLimits(" relay events", 500, 5_000, 64 * 1024, MAX_EVENTS),
    Lane.READINGS: LaneLimits(" relay readings", 2_000, 10_000, 64 * 1024, MAX_READINGS),
}
