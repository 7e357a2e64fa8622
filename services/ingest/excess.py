"""Deletes what a device has too many of among its rejects, so that one that sends garbage all day fills no disk.

A duty of ingest, hourly, called by retention. Of each device, and of all that names no device, the newest rejects of a
day stay (UTC, by the receive time): events apart from the rest, which may be many more. How many there were stays in
`device_quality`. Promises that nothing of the last hour goes, and nothing that waits for a replay. It looks at today
and yesterday only, so that no clock that is suddenly ahead deletes anything.
"""

from datetime import datetime, timedelta

import asyncpg

from services.core.contracts import MAX_PAYLOAD_BYTES
from services.core.log import logger
from services.core.statements import load_queries

QUERIES = load_queries(__file__)
KEPT_A_DAY = 2_000  # of a device and sort: one a minute is kept whole
KEPT_BYTES_A_DAY = 32 * 1024 * 1024
STRANGERS = 10  # what names no device comes from many: as much as of ten
SLICE = 10_000  # rows of one delete
DAY = timedelta(hours=24)

log = logger(__name__)


async def drop_excess(connection: asyncpg.Connection, patience: str) -> None:
    """Delete the excess; `patience` is a statement that says how long each transaction waits for a lock."""
    fewest = min(KEPT_A_DAY, KEPT_BYTES_A_DAY // MAX_PAYLOAD_BYTES)  # so many of the largest may be too large
    for sender in await connection.fetch(QUERIES["senders"], fewest):
        for events in (False, True):
            rows = await _drop(connection, sender["device_id"], sender["day"], patience, events=events)
            if rows:
                day = sender["day"].date().isoformat()
                log.info("rejects_thinned", device_id=sender["device_id"], day=day, events=events, rows=rows)


async def _drop(
    connection: asyncpg.Connection, device_id: int | None, day: datetime, patience: str, *, events: bool
) -> int:
    """Delete what is beyond the newest of a sender's day; return how many rows went."""
    whose = "$1::integer is null and device_id is null" if device_id is None else "device_id = $1"
    share = STRANGERS if device_id is None else 1
    of_day, size = (device_id, events, day), (KEPT_A_DAY * share, KEPT_BYTES_A_DAY * share)
    first = await connection.fetchrow(QUERIES["newest_excess"].format(whose=whose), *of_day, day + DAY, *size)
    rows, gone = 0, SLICE if first else 0
    while first and gone == SLICE:
        async with connection.transaction():
            await connection.execute(patience)
            drop = QUERIES["drop_excess"].format(whose=whose)
            tag = await connection.execute(drop, *of_day, first["received_at"], first["id"], SLICE)
        gone = int(tag.rpartition(" ")[2])
        rows += gone
    return rows
