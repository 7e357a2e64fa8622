"""The fixed words of alarming, as they stand in the contract, and the reason every decision carries.

Used by rules, life cycle, ledger and API. Promises the contract's spelling.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from services.core.clock import COUNTY

FIRE: Final = "fire"
"""The one code that latches, cannot be muted and runs clocks (contract 6)."""


CALL_MARK: Final = "【望火楼】"
"""Stands in the text of every call to a person: who speaks."""


class Category(StrEnum):
    """What an alarm is about (contract 5)."""

    FIRE = "fire"
    WATER = "water"
    ELECTRICAL = "electrical"
    DEVICE = "device"
    SYSTEM = "system"


class Severity(StrEnum):
    """How bad it is, worst first; compare with `rank`."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Higher is worse: info 0 … critical 3."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK: Final = {Severity.INFO: 0, Severity.MINOR: 1, Severity.MAJOR: 2, Severity.CRITICAL: 3}


class State(StrEnum):
    """ISA-18.2 state of an alarm record (contract 5)."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    CLOSED = "closed"


class Confidence(StrEnum):
    """How sure we are that a fire is a fire (contract 6); compare with `rank`."""

    SUSPECTED = "suspected"
    PROBABLE = "probable"
    CONFIRMED = "confirmed"

    @property
    def rank(self) -> int:
        """Higher is surer: suspected 0 … confirmed 2."""
        return _CONFIDENCE_RANK[self]


_CONFIDENCE_RANK: Final = {Confidence.SUSPECTED: 0, Confidence.PROBABLE: 1, Confidence.CONFIRMED: 2}


class Verification(StrEnum):
    """What people said: `none` where nobody is asked, `pending` for an unjudged fire."""

    NONE = "none"
    PENDING = "pending"
    REAL = "real"
    FALSE = "false"
    TEST = "test"


class Form(StrEnum):
    """What a source of water looks like (contract 5)."""

    ABOVEGROUND = "aboveground"
    UNDERGROUND = "underground"
    CRANE = "crane"
    POOL = "pool"
    TANK = "tank"
    NATURAL = "natural"


class DeviceStatus(StrEnum):
    """Whether a device can be counted on (contract 5)."""

    ONLINE = "online"
    OFFLINE = "offline"
    DISCOVERED = "discovered"
    OUT_OF_SERVICE = "out_of_service"


class NoticeState(StrEnum):
    """Where a notice is on its way to the desk."""

    WAITING = "waiting"
    HELD = "held"
    DELIVERED = "delivered"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"


class CallChannel(StrEnum):
    """How a person is called."""

    SMS = "sms"
    VOICE = "voice"
    WEBHOOK = "webhook"


class NoticeType(StrEnum):
    """The notices of contract 7."""

    FIRE_CONFIRMED = "fire.confirmed"
    RAISED = "alarm.raised"
    ESCALATED = "alarm.escalated"
    UPDATED = "alarm.updated"
    CLEARED = "alarm.cleared"


class Part(StrEnum):
    """What kind of thing a fire report came from, which decides whether it can stand as a second witness."""

    DETECTOR = "detector"
    CALL_POINT = "call_point"
    WATER_FLOW = "water_flow"
    PANEL = "panel"
    OTHER = "other"

    @property
    def witness(self) -> bool:
        """Whether contract 6 counts it among independent components: a detector or a call point."""
        return self is Part.DETECTOR or self is Part.CALL_POINT


class Reason(NamedTuple):
    """Why, in one sentence a duty officer understands, Chinese first."""

    zh: str
    en: str

    def with_lateness(self, late_min: int) -> Reason:
        """The same reason marked "reported N min late" (contract 6, in its very words in both); unchanged for 0."""
        if late_min <= 0:
            return self
        mark = f"reported {late_min} min late"
        return Reason(f"{self.zh}（迟报 {late_min} 分钟，{mark}）", f"{self.en} ({mark})")


def county_time(at: datetime) -> Reason:
    """Return an aware time as people of the county read it, to the minute: by their own clocks, which it names."""
    try:
        wall = at.astimezone(COUNTY)
    except OverflowError:  # a file for `evaluate` may name the last hours of the year 9999
        return Reason(f"UTC {at:%Y-%m-%d %H:%M}", f"{at:%Y-%m-%d %H:%M} UTC")
    return Reason(f"北京时间 {wall:%Y-%m-%d %H:%M}", f"{wall:%Y-%m-%d %H:%M} Beijing time")
