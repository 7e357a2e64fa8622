"""The statements behind the live stream: what changed since a look, and what is told of it.

Used by `feed`. A look never depends on a clock: transactions are compared (`cursors.sql`), batches by their numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.api.alarms.documents import document as alarm_document
from services.api.alarms.documents import select_alarms
from services.api.alarms.notices import NOTICE_COLUMNS
from services.api.registry.documents import brief, read_alarms, select_devices
from services.api.request import tables
from services.api.request.database import Reads, Row
from services.core.statements import load_queries
from services.core.topics import Kind

QUERIES = load_queries(__file__)
MOST_BATCHES = 500  # when further behind than this, everybody fetches anew
MOST_CHANGED = 20_000  # of one kind between two looks
_alarm, _device, _notice = tables.alarm.c, tables.device.c, tables.notice.c


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far was read: a snapshot of the database; for devices the batches of each writer and a time of ours too."""

    snapshot: str
    writers: dict[str, int] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found. `first` are fires. `lost`: it is unknown what happened since the last look."""

    cursor: Cursor
    first: Sequence[Any] = ()
    rest: Sequence[Any] = ()
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One thing as the stream tells it."""

    name: Any
    area: str | None
    document: dict[str, Any]
    device_id: int | None = None


async def _begin(reads: Reads) -> Look:
    return Look(Cursor((await reads.rows(QUERIES["now"]))[0]["upto"]), lost=True)


def _found(row: Row, cursor: Cursor) -> Look:
    first, rest = row.get("first", ()), row["rest"]
    return Look(cursor, first, rest, lost=row["backwards"] or len(first) + len(rest) > MOST_CHANGED)


async def look_at_alarms(reads: Reads, since: Cursor | None) -> Look:
    """Return the ids of the alarms that changed since a look."""
    if since is None:
        return await _begin(reads)
    rows = await reads.rows(QUERIES["changed_alarms"], since=since.snapshot, most=MOST_CHANGED + 1)
    return _found(rows[0], Cursor(rows[0]["upto"]))


async def look_at_notices(reads: Reads, since: Cursor | None) -> Look:
    """Return the ids of the notices that changed since a look."""
    if since is None:
        return await _begin(reads)
    rows = await reads.rows(QUERIES["changed_notices"], since=since.snapshot, most=MOST_CHANGED + 1)
    return _found(rows[0], Cursor(rows[0]["upto"]))


async def look_at_devices(reads: Reads, since: Cursor | None, now: datetime) -> Look:
    """Return the ids of the devices that changed since a look. Their status is that at `now`."""
    if since is not None:
        batches = await reads.rows(
            QUERIES["new_batches"],
            writers=list(since.writers),
            numbers=list(since.writers.values()),
            most=MOST_BATCHES,
        )
        if len(batches) < MOST_BATCHES:
            rows = await reads.rows(
                QUERIES["changed_devices"],
                since=since.snapshot,
                after=since.at or now,
                until=now,
                most=MOST_CHANGED + 1,
            )
            writers = dict(since.writers)
            for row in batches:
                writers[row["writer"]] = max(row["number"], writers.get(row["writer"], 0))
            look = _found(rows[0], Cursor(rows[0]["upto"], writers, max(now, since.at or now)))
            if not look.lost:
                return Look(look.cursor, rest=list({*look.rest, *await _heard_of(reads, batches)}))
    begun = await _begin(reads)
    newest = await reads.rows(QUERIES["newest_batches"])
    return Look(Cursor(begun.cursor.snapshot, {row["writer"]: row["number"] for row in newest}, now), lost=True)


async def _heard_of(reads: Reads, batches: Sequence[Row]) -> set[int]:
    """Return the devices that batches of ingest are about."""
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
    return ids


async def read_alarms_told(reads: Reads, ids: Sequence[int]) -> list[Told]:
    """Return these alarms as the stream tells them, in the order of `ids`."""
    rows = await reads.rows(select_alarms().where(_alarm.id == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.BigInteger)))))
    told = {row["id"]: Told(row["id"], row["area"], alarm_document(row), row["device_id"]) for row in rows}
    return [told[name] for name in ids if name in told]


async def read_notices_told(reads: Reads, ids: Sequence[Any]) -> list[Told]:
    """Return these notices as the stream tells them, in the order of `ids`."""
    statement = (
        sa.select(*NOTICE_COLUMNS, _alarm.area)
        .join(tables.alarm, _alarm.id == _notice.alarm_id)
        .where(_notice.id == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Uuid))))
    )
    told = {}
    for row in await reads.rows(statement):
        shown = dict(row)
        told[row["id"]] = Told(row["id"], shown.pop("area"), shown)
    return [told[name] for name in ids if name in told]


async def read_devices_told(reads: Reads, ids: Sequence[int], now: datetime) -> list[Told]:
    """Return these devices as the stream tells them."""
    rows = await reads.rows(
        select_devices(now).where(_device.id == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Integer))))
    )
    alarms = await read_alarms(reads, list(ids))
    return [
        Told(row["id"], row["area"], brief(row, alarms.get(row["id"])) | {"version": row["version"]}) for row in rows
    ]
