"""What an answer of the desk means, and when to ask again. Pure; the words are those of contract 7."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple

import orjson

RETRIED = frozenset({408, 425, 429})
FIRE_BACKOFF_S, OTHER_BACKOFF_S = 5.0, 60.0  # contract 7: at most
FIRE_RETRY_AFTER_S, OTHER_RETRY_AFTER_S = 30.0, 3600.0  # a desk cannot send a fire away for longer than this


class Fate(StrEnum):
    """What becomes of a notice after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"


class Answer(NamedTuple):
    """One attempt as the desk answered it; status None: no answer, `error` says why."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    error: str | None = None


class Verdict(NamedTuple):
    """What follows from an answer. `retry_after_s` is what the desk asked for."""

    fate: Fate
    retry_after_s: float | None = None
    incident_id: str | None = None
    error: str | None = None


def judge_answer(answer: Answer, now: datetime) -> Verdict:
    """Say what becomes of the notice: 2xx and 409 delivered; 408, 425, 429, 5xx and silence again; others dead."""
    status = answer.status
    if status is None:
        return Verdict(Fate.RETRY, error=answer.error)
    if 200 <= status < 300 or status == 409:
        return Verdict(Fate.DELIVERED, incident_id=_incident_id(answer.body))
    error = f"HTTP {status}: {answer.body[:200].decode(errors='replace')}"
    if status in RETRIED or status >= 500:
        return Verdict(Fate.RETRY, retry_after_s=_retry_after_s(answer.headers, now), error=error)
    return Verdict(Fate.DEAD, error=error)


def wait_s(attempts: int, retry_after_s: float | None, *, fire: bool, chance: float | None = None) -> float:
    """Return how long to wait after attempt number `attempts` (from 1): doubling, jittered, bounded."""
    limit = FIRE_BACKOFF_S if fire else OTHER_BACKOFF_S
    first = 0.25 if fire else 1.0
    chance = random.random() if chance is None else chance
    wait: float = min(limit, first * 2.0 ** min(attempts - 1, 16)) * (0.5 + chance / 2)
    if retry_after_s is None:
        return wait
    longest = FIRE_RETRY_AFTER_S if fire else OTHER_RETRY_AFTER_S
    return max(wait, min(retry_after_s, longest))


def _retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read Retry-After in both forms of RFC 9110 10.2.3; what cannot be read was not said."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def _incident_id(body: bytes) -> str | None:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = content.get("incident_id") if isinstance(content, dict) else None
    return str(found)[:200] if found is not None else None
