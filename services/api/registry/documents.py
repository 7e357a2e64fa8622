"""Reads devices with their newest state, quality and worst alarm, and writes them as documents of contract 5.

Used by the routes of devices, by the live hub and by the water search. Three statements whatever the number of devices.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from services.api.registry.quality import QualityMemory
from services.api.request import tables
from services.api.request.database import Reads
from services.api.request.scope import Scope
from services.core.statements import load_queries

QUERIES = load_queries(__file__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_device, _state = tables.device.c, tables.device_state.c


def status_of(now: datetime, device: Any = _device, state: Any = _state) -> sa.ColumnElement[str]:
    """Return the SQL of a device's status at `now`; the columns of its tables are given where they have an alias."""
    return sa.case(
        (device.out_of_service_until > now, "out_of_service"),
        (sa.not_(device.registered), "discovered"),
        (state.is_online, "online"),
        else_="offline",
    )


def select_devices(now: datetime, scope: Scope | None = None) -> "sa.Select[Any]":
    """Return the statement that reads devices with their state; add conditions and an order.

    The site is joined only where `scope` covers it; without one, where it lies in the device's area.
    """
    site = tables.site.c
    seen = site.area.startswith(_device.area) if scope is None else scope.clause(site.area)
    joined = tables.device.outerjoin(tables.device_state, _state.device_id == _device.id).outerjoin(
        tables.site, sa.and_(site.id == _device.site_id, seen)
    )
    return sa.select(
        tables.device, _state.state, _state.state_at, _state.ts.label("state_ts"), _state.last_seen,
        _state.received_at.label("state_received_at"), _state.clock_behind_s, _state.unreadable_since,
        tables.site.c.name.label("site_name"),
        status_of(now).label("status"),
    ).select_from(joined)  # fmt: skip


def newest(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the stored state as {field: {value, ts}}: `state_at` names the fields older than the newest reading."""
    state, ts, older = row["state"], row["state_ts"] or row["last_seen"], row["state_at"]
    if not isinstance(state, dict):
        return {}
    if not isinstance(older, dict) or not older:
        return {name: {"value": value, "ts": ts} for name, value in state.items()}
    return {
        name: {"value": value, "ts": _moment(older[name], ts) if name in older else ts} for name, value in state.items()
    }


def newest_values(row: Mapping[str, Any]) -> tuple[dict[str, Any], datetime | None]:
    """Return the stored state as {field: value}, and the time of the newest of them."""
    state = row["state"]
    if not isinstance(state, dict) or not state:
        return {}, None
    if not row["state_at"]:
        return state, row["state_ts"] or row["last_seen"]
    entries = newest(row)
    at = max((entry["ts"] for entry in entries.values() if entry["ts"] is not None), default=None)
    return {name: entry["value"] for name, entry in entries.items()}, at


def _moment(at: Any, otherwise: datetime | None) -> datetime | None:
    """Return the time of an older field, or that of the newest reading where what is stored is none."""
    try:
        return _EPOCH + timedelta(microseconds=at[0])
    except (TypeError, LookupError, OverflowError):
        return otherwise


def brief(row: Mapping[str, Any], alarm: str | None) -> dict[str, Any]:
    """Return what changes of a device: the item of the live stream."""
    return {
        "id": row["id"],
        "code": row["code"],
        "kind": row["kind"],
        "area": row["area"],
        "name": row["name"],
        "form": row["form"],
        "location": None if row["lon"] is None else {"lon": row["lon"], "lat": row["lat"]},
        "status": row["status"],
        "last_seen": row["last_seen"],
        "state": newest(row),
        "alarm": alarm,
    }


_SHOWN = (
    "source_datum", "address", "owner", "maintainer", "expected_interval_s", "sleepy", "rated_current_a", "limits",
    "gateway", "gateway_address", "gateway_profile", "attributes", "registered", "out_of_service_until",
    "out_of_service_reason", "version",
)  # fmt: skip


def document(row: Mapping[str, Any], alarm: str | None, quality: orjson.Fragment) -> dict[str, Any]:
    """Return the device of contract 5."""
    shown = brief(row, alarm)
    shown["site"] = None if row["site_name"] is None else row["site_id"]
    shown["site_name"] = row["site_name"]
    for name in _SHOWN:
        shown[name] = row[name]
    for name in ("limits", "attributes"):
        if not isinstance(row[name], dict):
            shown[name] = {"unreadable": row[name]}
    shown["quality"] = quality
    shown["clock_behind_s"] = row["clock_behind_s"]
    shown["unreadable_since"] = row["unreadable_since"]
    return shown


async def read_alarms(reads: Reads, ids: Sequence[int]) -> dict[int, str]:
    """Return the worst severity of the open alarms per device."""
    rows = await reads.rows(QUERIES["worst_alarm"], ids=list(ids))
    return {row["device_id"]: row["severity"] for row in rows}


async def read_documents(
    reads: Reads, statement: "sa.Select[Any]", now: datetime, memory: QualityMemory | None = None
) -> list[dict[str, Any]]:
    """Run a statement of `select_devices` and return whole documents in its order."""
    rows = await reads.rows(statement)
    ids = [row["id"] for row in rows]
    alarms = await read_alarms(reads, ids) if ids else {}
    quality = await (memory or QualityMemory()).read(reads, ids, now) if ids else {}
    return [document(row, alarms.get(row["id"]), quality[row["id"]]) for row in rows]
