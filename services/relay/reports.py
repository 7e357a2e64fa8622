"""Tells the county every two seconds that the link stands and how it does, while the connection to its broker is up.

A duty of main. Ages travel, not times: the two systems' clocks need not agree.
"""

from collections.abc import Sequence

from services.core.clock import Clock
from services.core.mqtt import Session
from services.core.statements import load_queries
from services.core.version import describe
from services.relay.county import County
from services.relay.database import Database

SQL = load_queries(__file__)
EVERY_S = 2.0


async def report(database: Database, county: County, session: Session, areas: Sequence[str], clock: Clock) -> None:
    """Report without end."""
    async with database.writing() as conn:
        await conn.execute(SQL["link"], list(areas))
    while True:
        if session.connected:
            row = await database.reads.fetchrow(SQL["state"])
            if row is not None:
                body = {
                    "version": describe(),
                    "backlog_rows": round(row["seen_rows"] * max(1.0, row["factor"])),
                    "backlog_s": max(0.0, row["backlog_s"] or 0.0),
                    "heard_until_s": row["heard_until_s"],
                    "heard_since_s": row["heard_since_s"],
                }
                await county.post("/api/v1/relay/report", body)
        await clock.sleep(EVERY_S)
