"""Reads the rows of committed batches that go up, as their devices sent them. Called by uplink."""

from collections.abc import Sequence

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.core.contracts import READING_FIELDS
from services.core.feed import Batch, span
from services.core.moment import to_us
from services.core.statements import load_queries
from services.core.topics import ROOT, Channel, Kind
from services.relay.documents import event_payload, reading_payload
from services.relay.lanes import URGENT, Lane
from services.relay.packing import Row

SQL = load_queries(__file__)
OF_KIND = {
    kind: SQL["readings"]
    .replace("{table}", f"reading_{kind}")
    .replace("{fields}", ", ".join(f"r.{name}" for name in READING_FIELDS[kind]))
    for kind in Kind
}
Connection = asyncpg.Connection | PoolConnectionProxy


async def read_rows(conn: Connection, lane: Lane, batches: Sequence[Batch], areas: Sequence[str]) -> list[Row]:
    """Return what of `batches` goes up over this lane, in the order of the log."""
    if lane is Lane.READINGS:
        return await _readings(conn, batches, areas)
    found = span([batch for batch in batches if batch.rows.get("events")])
    if found is None:
        return []
    types = [str(one) for one in URGENT]
    rows = await conn.fetch(SQL["events"], *found, types, lane is Lane.FIRES, list(areas))
    return [
        Row(row["batch_id"], f"{row['base']}/{Channel.EVENT}", (row["code"], row["event_id"]), event_payload(dict(row)))
        for row in rows
    ]


async def _readings(conn: Connection, batches: Sequence[Batch], areas: Sequence[str]) -> list[Row]:
    found: list[Row] = []
    for kind in Kind:
        within = span([batch for batch in batches if batch.rows.get(kind)])
        if within is None:
            continue
        fields = READING_FIELDS[kind]
        for row in await conn.fetch(OF_KIND[kind], *within, list(areas)):
            topic = f"{ROOT}/{row['area']}/{kind}/{row['code']}/{Channel.TELEMETRY}"
            key = (str(kind), row["code"], to_us(row["ts"]), row["seq"])
            found.append(Row(row["batch_id"], topic, key, reading_payload(dict(row), fields)))
    return found
