"""Lanes of ingest that were taken away: another list of areas, or a broker less, and their rows stand still for ever.

Called by `health`. Promises that a lane counts until a person says that it is gone, by clearing its `ingest_stalled`
an hour or more after it was last heard, while another of its kind hears: until then no device is called offline,
because it might have been heard there. Who clears the alarm of an outage that has just begun has not said so.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from services.core.alarms.ledger.page import Page
from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)
GONE_AFTER: Final = timedelta(hours=1)
ALIVE: Final = timedelta(minutes=1)
log = logger(__name__)


async def forget_gone(page: Page, lanes: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """Remove the lanes that are gone; return the others. One that reports again is counted again."""
    hearing = {lane["lane"] for lane in lanes if page.now - lane["updated_at"] < ALIVE}
    still = [lane for lane in lanes if page.now - lane["updated_at"] > GONE_AFTER and lane["lane"] in hearing]
    gone = {
        lane["writer"]
        for lane in still
        if await page.conn.fetchval(SQL["was_cleared"], lane["writer"], lane["updated_at"] + GONE_AFTER)
    }
    for lane in still:
        if lane["writer"] in gone:
            await page.conn.execute(SQL["forget"], lane["writer"], lane["updated_at"])
            log.info("lane_forgotten", writer=lane["writer"])
    return [lane for lane in lanes if lane["writer"] not in gone]
