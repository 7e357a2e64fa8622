"""A call to a watch outside our own box every minute while all is well; silence is the alarm. A duty of main."""

import asyncio

import asyncpg
import httpx2

from services.core.log import logger
from services.core.text import describe_error

EVERY_S = 60.0
LOOK_AGAIN_S = 5.0
TIMEOUT_S = 10.0
log = logger(__name__)

ALL_IS_WELL = """
    select exists (select from ingest_lane)
        and not exists (select from ingest_lane
            where watermark is null or watermark < clock_timestamp() - interval '30 seconds')
        and not exists (select from notice
            where channel = 'desk' and fire and state = 'waiting'
                and created_at < clock_timestamp() - interval '60 seconds')
        and not exists (select from alarm
            where subject = 'system' and severity = 'critical' and state <> 'closed' and cleared_at is null)
"""


async def beat(pool: asyncpg.Pool, client: httpx2.AsyncClient, url: str) -> float:
    """Call once, and only while ingest hears, no fire waits and nothing of ours is critical."""
    if not await pool.fetchval(ALL_IS_WELL):
        log.warning("heartbeat_withheld")
        return LOOK_AGAIN_S
    try:
        async with asyncio.timeout(TIMEOUT_S), client.stream("GET", url) as answer:  # its body says nothing
            log.info("heartbeat", status=answer.status_code)
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, OSError) as error:
        log.warning("heartbeat_failed", error=describe_error(error))
    return EVERY_S
