"""In a township, 119 is told by its county alone: a notice for the desk ends once the county has what it is about.

A duty of main where a relay is configured. What is not carried stays waiting, and `health` calls the contacts.
"""

import asyncpg

from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)
EVERY_S = 0.5
log = logger(__name__)


class ToCounty:
    """Looks again and again."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def take_turn(self) -> float:
        """End what was carried; return the seconds until the next look."""
        for row in await self._pool.fetch(SQL["carried"]):
            log.info("notice_left_to_county", notice_id=str(row["id"]), alarm_id=row["alarm_id"], type=row["type"])
        return EVERY_S
