"""The hash chain of one alarm: every transition seals the one before it.

Written by `page`, read again by the audit. Pure. SHA-256 over canonical JSON (sorted keys, UTC microseconds).
"""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

_EXPONENT_FROM = 10**16  # JSON is written with an exponent from here on, and stored without one
_LARGEST = 2**63  # beyond it a whole number is read back as a float


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
    """Return the hash of `transition` after the one whose hash is `previous` (empty for the first).

    Its numbers count as the database gives them back: jsonb knows no negative zero and writes no exponents, and a line
    that is read again must have the hash it was written with.
    """
    return _hash(previous, transition, {name: _as_stored(value) for name, value in transition.detail.items()})


def is_sealed(previous: bytes, transition: Transition, sealed: bytes) -> bool:
    """Whether `sealed` is the hash of a stored transition, also of one sealed before numbers were counted as stored."""
    if seal(previous, transition) == sealed:
        return True
    return (
        _hash(previous, transition, {name: _as_measured(value) for name, value in transition.detail.items()}) == sealed
    )


def _hash(previous: bytes, transition: Transition, detail: dict[str, Any]) -> bytes:
    at = transition.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = transition._asdict() | {"at": at, "detail": detail}
    return hashlib.sha256(previous + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def _as_stored(value: Any) -> Any:
    if type(value) is not float:
        return value
    if value == 0:
        return 0.0
    if _EXPONENT_FROM <= abs(value) < _LARGEST:
        return int(Decimal(repr(value)))
    return value


def _as_measured(value: Any) -> Any:
    if type(value) is float and value == 0:
        return -0.0
    if type(value) is int and abs(value) >= _EXPONENT_FROM:
        return float(value)
    return value
