"""The test windows of the sites whose panels report just now: what a panel says in one is marked as of a test.

Called by `others` and `readings`. Promises that it is read only for panels of sites: of other devices nobody tests
anything by a window.
"""

from collections.abc import Iterable
from datetime import datetime

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.registry import Device
from services.core.statements import load_queries

SQL = load_queries(__file__)


async def read_windows(
    conn: asyncpg.Connection | PoolConnectionProxy, devices: Iterable[Device], now: datetime
) -> dict[int, datetime]:
    """Return the end of the open test window, by device; a device that is not in it is in no test."""
    sites = {
        device.id: device.place.site_id
        for device in devices
        if device.profile.kind == "panel" and device.place.site_id is not None
    }
    if not sites:
        return {}
    rows = await conn.fetch(SQL["open_windows"], sorted(set(sites.values())), now)
    ends = {row["id"]: row["until"] for row in rows}
    return {device: ends[site] for device, site in sites.items() if site in ends}
