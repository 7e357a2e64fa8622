"""The usual message: readings as the contract has them, read and judged in one pass. Pure; decode asks it first.

It makes no complaint. What it does not take, for whatever reason, decode reads again field by field and says what is
wrong; what it takes, decode would have read the same.
"""

from math import isfinite
from typing import Annotated, Any

import msgspec
from msgspec.structs import astuple

from services.core.contracts import MAX_READINGS, SEQ_MODULUS
from services.core.fields import FIELD_RULES, FieldRule
from services.core.moment import read_ts
from services.core.topics import Kind
from services.ingest.moment import clock_fault
from services.ingest.reading import Reading


class _Usual(msgspec.Struct):
    ts: int | str
    seq: Annotated[int, msgspec.Meta(ge=0, lt=SEQ_MODULUS)]


def _type_of(rule: FieldRule) -> Any:
    """Return what a field of this rule may hold, in msgspec's words."""
    if rule.base is bool:
        return bool | None
    low, high = (rule.base(limit) if isfinite(limit) else None for limit in (rule.low, rule.high))
    return Annotated[rule.base, msgspec.Meta(ge=low, le=high)] | None


def _decoder_of(kind: Kind) -> msgspec.json.Decoder[Any]:
    """Return a decoder of one reading or a list; as a tuple such a reading is ts, seq and the columns of its kind."""
    fields = [(name, _type_of(rule), None) for name, rule in FIELD_RULES[kind].items()]
    usual = msgspec.defstruct(f"Usual_{kind}", fields, bases=(_Usual,), forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(usual | list[usual])  # type: ignore[valid-type]


_DECODE = {kind: _decoder_of(kind).decode for kind in Kind}


def read_usual(kind: Kind, payload: bytes, received_us: int) -> list[Reading] | None:
    """Return the readings of a message in which nothing is unusual; None: it takes a closer look."""
    try:
        found = _DECODE[kind](payload)
    except (msgspec.MsgspecError, ValueError):
        return None
    if type(found) is not list:
        reading = _reading(found, received_us)
        return None if reading is None else [reading]
    if not 0 < len(found) <= MAX_READINGS:
        return None
    readings = [reading for one in found if (reading := _reading(one, received_us)) is not None]
    return readings if len(readings) == len(found) else None


def _reading(found: msgspec.Struct, received_us: int) -> Reading | None:
    row = astuple(found)
    values = row[2:]
    ts_us = row[0] * 1000 if type(row[0]) is int else read_ts(row[0])
    if type(ts_us) is not int or clock_fault(ts_us, received_us) is not None:  # seconds are long ago
        return None
    if values.count(None) == len(values):
        return None
    return Reading(ts_us, row[1], values, None)
