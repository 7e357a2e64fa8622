"""Reads the rows of committed batches that go up, as their devices sent them. Called by uplink."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.core.contracts import READING_FIELDS
from services.core.feed import Batch, span
from services.core.log import logger
from services.core.moment import to_us
from services.core.statements import load_queries
from services.core.topics import ROOT, Channel, Kind
from services.relay.documents import bare_event, bare_reading, event_payload, reading_payload
from services.relay.lanes import URGENT, Lane
from services.relay.packing import OLD, Row

log = logger(__name__)
SQL = load_queries(__file__)
OF_KIND = {
    kind: SQL["readings"]
    .replace("{table}", f"reading_{kind}")
    .replace("{fields}", ", ".join(f"r.{name}" for name in READING_FIELDS[kind]))
    for kind in Kind
}
Connection = asyncpg.Connection | PoolConnectionProxy


async def read_rows(
    conn: Connection, lane: Lane, batches: Sequence[Batch], areas: Sequence[str], now: datetime
) -> list[Row]:
    """Return what of `batches` goes up over this lane, in the order of the log."""
    if lane is Lane.READINGS:
        return await _readings(conn, batches, areas, now)
    found = span([batch for batch in batches if batch.rows.get("events")])
    if found is None:
        return []
    types = [str(one) for one in URGENT]
    rows = await conn.fetch(SQL["events"], *found, types, lane is Lane.FIRES, list(areas))
    return [
        Row(
            row["batch_id"], f"{row['base']}/{Channel.EVENT}", (row["code"], row["event_id"]),
            _payload(dict(row), event_payload, bare_event),
            *_times(row, now, replaced=row["ts"] == row["received_at"]), row["component"],
        )
        for row in rows
    ]  # fmt: skip


async def _readings(conn: Connection, batches: Sequence[Batch], areas: Sequence[str], now: datetime) -> list[Row]:
    found: list[Row] = []
    for kind in Kind:
        within = span([batch for batch in batches if batch.rows.get(kind)])
        if within is None:
            continue
        fields = READING_FIELDS[kind]
        whole, bare = partial(reading_payload, fields=fields), partial(bare_reading, fields=fields)
        for row in await conn.fetch(OF_KIND[kind], *within, list(areas)):
            topic = f"{ROOT}/{row['area']}/{kind}/{row['code']}/{Channel.TELEMETRY}"
            key = (str(kind), row["code"], to_us(row["ts"]), row["seq"])
            found.append(Row(row["batch_id"], topic, key, _payload(dict(row), whole, bare), *_times(row, now)))
    return found


def _payload(
    row: dict[str, Any], whole: Callable[[dict[str, Any]], bytes], bare: Callable[[dict[str, Any]], bytes]
) -> bytes:
    """Return a row as its device sent it; one that is damaged holds up no other."""
    try:
        return whole(row)
    except Exception:  # whatever stands there
        log.exception("row_damaged", device=row["code"], ts=row["ts"].isoformat(), batch_id=row["batch_id"])
        return bare(row)


def _times(row: asyncpg.Record, now: datetime, *, replaced: bool = False) -> tuple[int | None, int, int]:
    """Return when a row was received, where the county has to know: its clock was wrong then, or seems so by now.

    And its time and when it was received, because it may grow old before the line is there.
    """
    ts_us, arrived_us = to_us(row["ts"]), to_us(row["received_at"])
    return arrived_us if replaced or now - row["ts"] > OLD else None, ts_us, arrived_us
