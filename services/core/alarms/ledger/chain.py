"""The hash chain of one alarm: every transition seals the one before it.

Written by `page`, read again by the audit. Pure. SHA-256 over canonical JSON (sorted keys, UTC microseconds).
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson


class Transition(NamedTuple):
    """One row of `alarm_transition` without its hashes."""

    alarm_id: int
    number: int
    at: datetime
    actor: str
    act: str
    outcome: str
    from_state: str | None
    to_state: str
    detail: dict[str, Any]


def seal(previous: bytes, transition: Transition) -> bytes:
    """Return the hash of `transition` after the one whose hash is `previous` (empty for the first)."""
    content = transition._asdict() | {"at": transition.at.astimezone(UTC).isoformat(timespec="microseconds")}
    return hashlib.sha256(previous + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
