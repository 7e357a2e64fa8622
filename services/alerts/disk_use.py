"""How fast the disks fill, and in how many days they are full: a row a disk every ten minutes, kept for 30 days.

A duty of main. `services.alerts.room` adds the forecast to `storage_low`, the API shows it. Promises no forecast for a
disk that does not fill or that has been watched for less than an hour.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import asyncpg

from services.alerts.room import look_at
from services.core.clock import Clock
from services.core.metrics import DISK_FREE, DISK_FULL_IN_DAYS
from services.core.statements import load_queries

SQL = load_queries(__file__)
EVERY_S = 600.0
PACE_OF = timedelta(days=7)
KEPT = timedelta(days=30)
NEVER_DAYS = 3650.0  # more than ten years ahead is no useful forecast


class DiskUse:
    """Records regularly how full each disk is; `full_in_days` holds, by component, the disks that will be full."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, folders: Sequence[Path]) -> None:
        self._pool = pool
        self._clock = clock
        self._folders = folders
        self._outlook: dict[str, float] = {}
        self.full_in_days: Mapping[str, float] = MappingProxyType(self._outlook)

    async def take_turn(self) -> float:
        """Note once, and look ahead."""
        now, disks = self._clock.now(), look_at(self._folders)
        async with self._pool.acquire() as conn:
            for disk in disks:
                await conn.execute(SQL["note"], disk.component, now, disk.used_bytes, disk.free_bytes)
            paces = {row["folder"]: row["bytes_a_day"] for row in await conn.fetch(SQL["pace"], now - PACE_OF, now)}
            for disk in disks:
                days = days_left(disk.free_bytes, paces.get(disk.component))
                self._tell(disk.component, days)
                DISK_FREE.labels(disk.component).set(disk.free_bytes)
                await conn.execute(SQL["outlook"], disk.component, now, days)
            await conn.execute(SQL["forget"], now - KEPT)
        return EVERY_S

    def _tell(self, component: str, days: float | None) -> None:
        if days is None:
            self._outlook.pop(component, None)
        else:
            self._outlook[component] = days
        DISK_FULL_IN_DAYS.labels(component).set(NEVER_DAYS if days is None else days)


def days_left(free_bytes: int, bytes_a_day: float | None) -> float | None:
    """Return in how many days the disk is full at this pace; None when that is not known, or never."""
    if bytes_a_day is None or bytes_a_day <= free_bytes / NEVER_DAYS:
        return None
    return free_bytes / bytes_a_day
