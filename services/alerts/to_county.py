"""In a township, 119 is told by its county alone: a notice for the desk ends once the county has what it is about.

A duty of main where a relay is configured. What is not carried stays waiting, and `health` calls the contacts. Where
no relay is configured any more, its log is not kept for it.
"""

import asyncpg

from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)
EVERY_S = 0.5
log = logger(__name__)


async def forget_county(pool: asyncpg.Pool) -> None:
    """End the link of before, if there was one."""
    done = await pool.execute(SQL["forget"])
    if done != "DELETE 0":
        log.warning("county_forgotten", cursors=int(done.rpartition(" ")[2]))


class ToCounty:
    """Looks again and again."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def take_turn(self) -> float:
        """End what was carried; return the seconds until the next look."""
        for row in await self._pool.fetch(SQL["carried"]):
            log.info("notice_left_to_county", notice_id=str(row["id"]), alarm_id=row["alarm_id"], type=row["type"])
        return EVERY_S
