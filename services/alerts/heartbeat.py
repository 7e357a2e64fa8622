"""A call to a watch outside our own box every minute while all is well; silence is the alarm. Started by main."""

import asyncpg
import httpx2

from services.core.clock import Clock
from services.core.log import logger

EVERY_S = 60.0
LOOK_AGAIN_S = 5.0
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


async def run(pool: asyncpg.Pool, client: httpx2.AsyncClient, clock: Clock, url: str) -> None:
    """Call without end, and only while ingest hears, no fire waits and nothing of ours is critical."""
    while True:
        if await pool.fetchval(ALL_IS_WELL):
            try:
                answer = await client.get(url, timeout=10)
                log.info("heartbeat", status=answer.status_code)
            except httpx2.HTTPError as error:
                log.warning("heartbeat_failed", error=f"{type(error).__name__}: {error}")
            await clock.sleep(EVERY_S)
        else:
            log.warning("heartbeat_withheld")
            await clock.sleep(LOOK_AGAIN_S)
