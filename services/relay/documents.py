"""Stored rows -> what the device sent: payloads whose ts, seq and identity are the device's own. Pure; `rows` calls it.

A row of ours does not have everything as it was sent, but all that identifies it: the county's row is the same one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from services.core.moment import to_us

_OWN = ("seq", "zone", "system_type", "component_type", "description")  # of an event, beside its identity
_IDENTITY = frozenset({"event_id", "ts", "type", "active", "component"})


def event_payload(row: Mapping[str, Any]) -> bytes:
    """Return an event as JSON. `row` has the columns of `event`."""
    return orjson.dumps(event_element(row))


def event_element(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as its device sent it: what ingest could not take as it was is as it was again."""
    sent: Mapping[str, Any] = {"ts": _ts(row["device_ts"] or row["ts"])} if row["sent"] is None else row["sent"]
    extra = dict(row["extra"] or {})
    bad: dict[str, Any] = {}
    if sent.get("marked"):  # flags and bad are what ingest says of it, not the device's own fields of these names
        extra.pop("flags", None)
        bad = extra.pop("bad", None) or {}
    element: dict[str, Any] = {"event_id": row["event_id"], "type": row["type"], "active": row["active"]}
    if row["component"]:
        element["component"] = row["component"]
    element |= {name: row[name] for name in _OWN if row[name] not in {None, ""}}
    element |= extra
    element |= {name: value for name, value in bad.items() if name not in _IDENTITY and name != "sent"}
    return element | {name: value for name, value in sent.items() if name in _IDENTITY}


def reading_payload(row: Mapping[str, Any], fields: Sequence[str]) -> bytes:
    """Return a reading as JSON. `row` has `ts`, `seq`, `extra` and these `fields`."""
    element = {"ts": _ts(row["ts"]), "seq": row["seq"]}
    element |= {name: row[name] for name in fields if row[name] is not None}
    return orjson.dumps(element | (row["extra"] or {}))


def bare_event(row: Mapping[str, Any]) -> bytes:
    """Return an event by its plain columns alone, where what else is kept of it cannot be read."""
    names = ("event_id", "type", "active", "component")
    return orjson.dumps({"ts": _ts(row["device_ts"] or row["ts"])} | {name: row[name] for name in names})


def bare_reading(row: Mapping[str, Any], fields: Sequence[str]) -> bytes:
    """Return a reading without its further fields, where these cannot be read."""
    return reading_payload({**row, "extra": None}, fields)


def _ts(at: datetime) -> int | str:
    """Return a moment as integer milliseconds, or as text where these would not be exact."""
    us = to_us(at)
    return us // 1000 if us % 1000 == 0 else at.isoformat(timespec="microseconds")
