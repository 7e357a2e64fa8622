"""Calls a monitor outside our machine every minute while all is well; silence is the alarm. A duty of main."""

import asyncpg

from services.core.line import Line, Request
from services.core.log import logger
from services.core.outbound import anywhere
from services.core.statements import load_queries

SQL = load_queries(__file__)

EVERY_S = 60.0
LOOK_AGAIN_S = 5.0
TIMEOUT_S = 10.0
log = logger(__name__)

ALL_IS_WELL = SQL["all_is_well"]


async def beat(pool: asyncpg.Pool, url: str) -> float:
    """Call once, and only while ingest hears, no fire waits and nothing of ours is critical."""
    if not await pool.fetchval(ALL_IS_WELL):
        log.warning("heartbeat_withheld")
        return LOOK_AGAIN_S
    answer = await Line(url, anywhere()).ask(Request(url, {}, b"", method="GET"), TIMEOUT_S)
    if answer.status is None:
        log.warning("heartbeat_failed", error=answer.error)
    else:
        log.info("heartbeat_sent", status=answer.status)
    return EVERY_S
