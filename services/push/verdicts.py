"""What a subscriber's answer means, and when to ask again. Pure; the words are those of contract 9.3."""

import random
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.core.answers import RETRIED, Answer, retry_after_s

RETRY_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)  # after the first failure, the second …; then the last one
RETRY_AFTER_S = 24 * 3600.0  # a receiver cannot put us off for longer at once


class Fate(StrEnum):
    """The fate of a delivery after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    GONE = "gone"  # and with it the subscription


class Verdict(NamedTuple):
    """What follows from an answer. `pause_s`: how long the receiver wants no request at all."""

    fate: Fate
    error: str | None = None
    pause_s: float | None = None


def judge(answer: Answer, now: datetime) -> Verdict:
    """Return the verdict: 2xx delivered; 410 ends the subscription; 408, 425, 429, 5xx, silence: again; others dead."""
    status = answer.status
    if status is None or status < 200:
        return Verdict(Fate.RETRY, answer.error or f"HTTP {status} and no answer after it")
    if status < 300:
        return Verdict(Fate.DELIVERED)
    if status == 410:
        return Verdict(Fate.GONE, "HTTP 410: the receiver wants no more")
    if status in RETRIED or status >= 500:
        asked = retry_after_s(answer.headers, now)
        return Verdict(Fate.RETRY, f"HTTP {status}", None if asked is None else min(asked, RETRY_AFTER_S))
    if status < 400:
        return Verdict(Fate.DEAD, f"HTTP {status}: redirects are not followed, subscribe with the new address")
    return Verdict(Fate.DEAD, f"HTTP {status}")


def wait_s(attempts: int, chance: float | None = None) -> float:
    """Return how long to wait after attempt number `attempts` (from 1), half to the whole of the step."""
    chance = random.random() if chance is None else chance
    return RETRY_S[min(max(attempts, 1), len(RETRY_S)) - 1] * (0.5 + chance / 2)
