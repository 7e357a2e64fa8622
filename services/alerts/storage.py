"""Checks what keeps the tables small: TimescaleDB's jobs, the columnstore and our own retention, every few minutes.

A duty of main on a connection of its own; `services.alerts.health` makes alarms of its findings. Promises: a job is
judged by its work as well as by its report, because under some releases of PostgreSQL jobs work and report failure.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from services.core import timescale
from services.core.clock import Clock
from services.core.statements import load_queries
from services.core.words import Reason, county_time

SQL = load_queries(__file__)
EVERY_S = 300.0
PATIENCE = timedelta(days=1)  # a job that meets a lock tries again within the hour
FAILURES = 3
GRACE = timedelta(days=3)  # days after a chunk is due until a person hears of it


class Failed(NamedTuple):
    """One thing that was not done, in the terms of an alarm."""

    component: str
    reason: Reason


class StorageJobs:
    """Checks regularly; `failed` is what the last check found, None before the first."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, retention_days: int) -> None:
        self._pool = pool
        self._clock = clock
        self._retention = timedelta(days=retention_days)
        self.failed: Sequence[Failed] | None = None

    async def take_turn(self) -> float:
        """Check once."""
        now = self._clock.now()
        async with self._pool.acquire() as conn:
            jobs = await conn.fetch(SQL["jobs"], now - PATIENCE, FAILURES)
            uncompressed = await conn.fetch(SQL["uncompressed"], now - GRACE)
            kept = await conn.fetch(SQL["kept_too_long"], now - self._retention - GRACE)
        self.failed = [
            *(_say_job(row) for row in jobs if not says_failed_only(row["version"], row["error"])),
            *(Failed(f"columnstore:{row['table']}", _say_uncompressed(row["until"])) for row in uncompressed),
            *(Failed(f"retention:{row['table']}", _say_kept(row["until"], self._retention)) for row in kept),
        ]
        return EVERY_S


def says_failed_only(version: int, error: str | None) -> bool:
    """Whether this PostgreSQL (`server_version_num`) has jobs that work and report failure, and the words are those.

    The chunks show what such a job really left undone.
    """
    return version in timescale.SAY_FAILED and error is not None and error.startswith(timescale.SAY_FAILED_WORDS)


def _say_job(row: asyncpg.Record) -> Failed:
    since, error = row["succeeded_at"] and county_time(row["succeeded_at"]), row["error"]
    zh_since = f"自{since.zh} 起" if since else "从"
    en_since = f"since {since.en}" if since else "yet"
    reason = Reason(
        f"数据库作业 {row['job']} {zh_since}未成功，共失败 {row['failures']} 次：{error or '数据库未说明原因'}",
        f"the database's job {row['job']} has not succeeded {en_since}, {row['failures']} runs failed in all: "
        f"{error or 'it gives no reason'}",
    )
    return Failed(f"{row['job']}:{row['table']}", reason)


def _say_uncompressed(until: datetime) -> Reason:
    return Reason(
        f"{until:%Y-%m-%d} 以前的数据应已压缩而未压缩，占用磁盘更多",
        f"data from before {until:%Y-%m-%d} should be compressed and are not: they take more of the disk",
    )


def _say_kept(until: datetime, retention: timedelta) -> Reason:
    return Reason(
        f"{until:%Y-%m-%d} 以前的数据超过保存期（{retention.days} 天）仍未删除",
        f"data from before {until:%Y-%m-%d} are older than the retention ({retention.days} days) and still there",
    )
