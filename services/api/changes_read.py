"""The statements behind the live stream: which devices, alarms and notices changed since a cursor."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from services.api import tables
from services.api.alarm_rows import document as alarm_document
from services.api.alarm_rows import select_alarms
from services.api.database import Reads
from services.api.device_rows import brief, read_alarms, select_devices
from services.api.notices import NOTICE_COLUMNS
from services.core.db import load_queries
from services.core.topics import Kind

QUERIES = load_queries(Path(__file__).with_name("changes.sql"))
MOST_BATCHES = 500  # behind by more: everybody fetches anew
_OVERLAP = timedelta(seconds=5)  # a transaction may commit so long after the time it wrote
_alarm, _device, _notice = tables.alarm.c, tables.device.c, tables.notice.c


@dataclass(slots=True)
class Cursor:
    """How far was read. Writers by their numbers, the rest by the database's time."""

    writers: dict[str, int] | None = None
    devices_at: datetime | None = None
    alarms_at: datetime | None = None
    notices_at: datetime | None = None
    open_notices: set[Any] = field(default_factory=set)


async def _now(reads: Reads) -> datetime:
    now: datetime = (await reads.rows("select now() as now"))[0]["now"]
    return now


async def changed_devices(reads: Reads, cursor: Cursor) -> tuple[set[int], bool]:
    """Return the ids of devices that changed, and whether too much was missed to say."""
    if cursor.writers is None:
        newest = await reads.rows(QUERIES["newest_batches"])
        cursor.writers = {row["writer"]: row["number"] for row in newest}
        cursor.devices_at = await _now(reads)
        return set(), False
    batches = await reads.rows(
        QUERIES["new_batches"],
        writers=list(cursor.writers),
        numbers=list(cursor.writers.values()),
        most=MOST_BATCHES,
    )
    if len(batches) >= MOST_BATCHES:
        cursor.writers = None
        return set(), True
    ids: set[int] = set()
    for row in batches:
        ids.update(row["seen"])
    for table in (*Kind, "events"):
        filled = [row for row in batches if row[table]]
        if filled:
            name = "event" if table == "events" else f"reading_{table}"
            rows = await reads.rows(
                f"select distinct device_id from {name} where batch_id = any(cast(:ids as bigint[]))"  # noqa: S608 - ours
                " and ts >= :begin and ts <= :end",
                ids=[row["id"] for row in filled],
                begin=min(row["min_ts"] or row["committed_at"] - timedelta(days=31) for row in filled),
                end=max(row["max_ts"] or row["committed_at"] + timedelta(days=1) for row in filled),
            )
            ids.update(row["device_id"] for row in rows)
    since = (cursor.devices_at or await _now(reads)) - _OVERLAP
    now = await _now(reads)
    ids.update(row["id"] for row in await reads.rows(QUERIES["devices_touched"], since=since, now=now))
    cursor.devices_at = now
    for row in batches:
        cursor.writers[row["writer"]] = max(row["number"], cursor.writers.get(row["writer"], 0))
    return ids, False


async def read_briefs(reads: Reads, ids: Sequence[int], now: datetime) -> list[dict[str, Any]]:
    """Return the stream's items of these devices."""
    rows = await reads.rows(select_devices(now).where(_device.id == sa.any_(sa.literal(list(ids), _IDS))))
    alarms = await read_alarms(reads, list(ids))
    return [brief(row, alarms.get(row["id"])) | {"version": row["version"]} for row in rows]


_IDS = sa.ARRAY(sa.Integer)


async def changed_alarms(reads: Reads, cursor: Cursor) -> list[dict[str, Any]]:
    """Return alarms written since, with their device and area."""
    now = await _now(reads)
    if cursor.alarms_at is None:
        cursor.alarms_at = now
    statement = select_alarms().where(_alarm.updated_at > cursor.alarms_at - _OVERLAP)
    rows = await reads.rows(statement.order_by(_alarm.updated_at).limit(1000))
    cursor.alarms_at = now if len(rows) < 1000 else rows[-1]["updated_at"]
    return [
        {"id": row["id"], "device_id": row["device_id"], "area": row["area"], "document": alarm_document(row)}
        for row in rows
    ]


async def changed_notices(reads: Reads, cursor: Cursor) -> list[dict[str, Any]]:
    """Return notices made since, those still to be delivered, and what became of those seen so before."""
    now = await _now(reads)
    if cursor.notices_at is None:
        cursor.notices_at = now
    statement = (
        sa.select(*NOTICE_COLUMNS, _alarm.area)
        .join(tables.alarm, _alarm.id == _notice.alarm_id)
        .where(
            sa.or_(
                _notice.created_at > cursor.notices_at - _OVERLAP,
                _notice.state.in_(("waiting", "held")),
                _notice.id.in_(sorted(cursor.open_notices)),
            )
        )
        .order_by(_notice.created_at.desc())
        .limit(1000)
    )
    rows = await reads.rows(statement)
    cursor.notices_at = now
    cursor.open_notices = {row["id"] for row in rows if row["state"] in {"waiting", "held"}}
    found = []
    for row in reversed(rows):
        shown = dict(row)
        area = shown.pop("area")
        found.append({"id": row["id"], "area": area, "document": shown})
    return found
