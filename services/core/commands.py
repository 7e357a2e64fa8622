"""For how long a command of a person may still be carried out. Pure; ingest and the gateway ask it.

A device or panel that was away must not do days later what somebody wanted then.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any

ANSWER_MINUTES = 10  # where the command itself names no limit
LONGEST_ANSWER_MINUTES = 255  # contract: GuardCheck.timeout_min
TOO_LATE = "not sent: its time to be answered was over before it could be sent 未能在时限内送出"


def answer_minutes(arguments: Mapping[str, Any]) -> int:
    """Return how many minutes a command gives to be answered."""
    minutes = arguments.get("timeout_min")
    if type(minutes) is int and 0 < minutes <= LONGEST_ANSWER_MINUTES:
        return minutes
    return ANSWER_MINUTES


def seconds_left(created_at: datetime, answer_by: datetime | None, minutes: int, now: datetime) -> int:
    """Return for how long a command may still be carried out, 0 or less when that is over.

    `answer_by` is what was said before: by whoever tried to send it, or by the county that it comes from.
    """
    longest = timedelta(minutes=minutes)
    if now - created_at > longest:  # it waited for us, not for its device
        return 0
    left = longest if answer_by is None else answer_by - now
    return ceil(min(left.total_seconds(), LONGEST_ANSWER_MINUTES * 60))
