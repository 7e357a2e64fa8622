"""Writes what happened where push finds it, in the transaction that made it happen (contract 9.3).

Called by `page`, and by whoever else has news for subscribers. Promises no event without its commit and no commit
without its event; the order of one subject is that of its commits.
"""

from collections.abc import Sequence

import asyncpg

from services.core.city.cloudevent import Event
from services.core.statements import load_queries

SQL = load_queries(__file__)


async def write_events(conn: asyncpg.Connection, events: Sequence[Event]) -> None:
    """Store `events` in their order; a trigger wakes push when the caller's transaction commits."""
    if events:
        columns = [(e.type, e.subject, e.area, e.at, e.data, e.device_id, e.alarm_id, e.cap) for e in events]
        await conn.execute(SQL["write_events"], *(list(column) for column in zip(*columns, strict=True)))
