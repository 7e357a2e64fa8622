"""Ids as others see them and as our rows have them. Pure.

They are computed, so no table keeps them: a Datastream's id is made of device and field, an Observation's of what its
row is found by.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from services.api.city.sensorthings.model import STREAMS_PER_DEVICE

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGER: Final = 2**31  # PostgreSQL's
_MICRO: Final = timedelta(microseconds=1)


def micros_of(ts: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (ts - EPOCH) // _MICRO


def observation_key(device: int, ts: datetime, seq: int, number: int, sub: int) -> str:
    """Return the id of an Observation: opaque to others, and enough for us to find the row by its index."""
    micros = micros_of(ts)
    return f"{device}-{micros}-{seq}-{number}-{sub}" if sub else f"{device}-{micros}-{seq}-{number}"


def observation_parts(text: str) -> tuple[int, datetime, int, int, int] | None:
    """Return what `observation_key` made `text` of; None if it did not."""
    parts = text.split("-")
    if len(parts) not in {4, 5} or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        return None
    device, micros, seq, field = (int(part) for part in parts[:4])
    sub = int(parts[4]) if len(parts) == 5 else 0
    if device >= _INTEGER or field >= STREAMS_PER_DEVICE or sub >= _INTEGER:
        return None
    try:
        ts = EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None
    key = (device, ts, seq, field, sub)
    return key if observation_key(*key) == text else None


def stream_parts(wanted: float) -> tuple[int, int] | None:
    """Return device and field number of a Datastream's id; None: no Datastream can have it."""
    if not wanted.is_integer() or not 0 < wanted < _INTEGER * STREAMS_PER_DEVICE:
        return None
    device, field = divmod(int(wanted), STREAMS_PER_DEVICE)
    return (device, field) if device < _INTEGER else None
