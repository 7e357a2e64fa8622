"""What people see of a lane: one row per lane, once a second, and the gauges.

A duty of the process, on a connection of its own, so that it also reports a lane that hangs.
"""

import asyncpg

from services.core import metrics
from services.core.statements import load_queries
from services.ingest.lane import Lane

QUERIES = load_queries(__file__)


async def report(connection: asyncpg.Connection, lane: Lane) -> None:
    """Write the lane's health; only its owner may."""
    connects = list(lane.connects)  # kept until they are written, so that no lost session goes unnoticed
    session = lane.session
    connected = session is not None and session.connected
    row = await connection.fetchrow(
        QUERIES["report"],
        lane.writer_name,
        lane.name,
        lane.owner,
        connected,
        bool(connects),
        connects.count(False),
        lane.oldest_unacked_s,
        lane.inbox.slots_used,
        lane.limits.receive_maximum,
        lane.dropped_raw,
        lane.lease_name,
        lane.connections,
        lane.max_connections or None,
        lane.broker,
        list(lane.areas),
    )
    del lane.connects[: len(connects)]
    if row is None:
        return
    metrics.SESSIONS_LOST.labels(lane.name).inc(row["lost"])
    metrics.RECONNECTS.labels(lane.name).inc(len(connects))
    metrics.OLDEST_UNACKED.labels(lane.name).set(lane.oldest_unacked_s)
    metrics.SLOTS_USED.labels(lane.name).set(lane.inbox.slots_used)
    if row["watermark_age_s"] is not None:
        metrics.WATERMARK_AGE.labels(lane.name).set(row["watermark_age_s"])
    if lane.connections is not None:
        metrics.BROKER_CONNECTIONS.set(lane.connections)
        metrics.BROKER_CONNECTIONS_LIMIT.set(lane.max_connections)
    if lane.dropped_raw is not None:
        metrics.BROKER_DROPPED.set(row["broker_dropped"])
