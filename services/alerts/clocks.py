"""What is due because time passed: fire clocks, shelves, windows, calls to contacts. Called by the bench.

Promises that timers live in the database: a restart finds them as they were, and an auditor finds what is overdue.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.contacts import write_call
from services.core.alarms.happenings import OutOfService, Tick
from services.core.alarms.page import Page
from services.core.alarms.words import FIRE
from services.core.db import load_queries
from services.core.log import logger

SQL = load_queries(Path(__file__).with_name("clocks.sql"))
OVERDUE_AFTER = timedelta(seconds=30)
log = logger(__name__)


async def is_due(conn: asyncpg.Connection, now: datetime) -> bool:
    """Say whether any alarm or timer waits for its moment, which has come."""
    due: bool = await conn.fetchval(SQL["is_due"], now)
    return due


async def tick(page: Page) -> None:
    """Take every alarm on whose next moment has come; fires with all fires of their site."""
    rows = await page.conn.fetch(SQL["due_alarms"], page.now)
    for scope in sorted({row["scope"] for row in rows if row["code"] == FIRE}):
        await page.load_scope(scope)
        await page.take_fire(scope, Tick(), "clock", None)
    for row in rows:
        entry = None if row["code"] == FIRE else await page.load_one(row["id"])
        if entry is not None:
            page.take_entry(entry, Tick(), "clock")


async def move_windows(page: Page) -> None:
    """Tell fires of test windows, and other alarms of maintenance, that began, moved or ended meanwhile."""
    for row in await page.conn.fetch(SQL["moved_windows"]):
        await page.load_scope(row["scope"])
    for row in await page.conn.fetch(SQL["moved_service"], page.now):
        entry = await page.load_one(row["id"])
        if entry is not None:
            page.take_entry(entry, OutOfService(row["until"]), "registry")


async def call_contacts(page: Page) -> None:
    """Make the calls due whose time has come and whom nobody has answered."""
    for row in await page.conn.fetch(SQL["due_timers"], page.now):
        timer = dict(row)
        result = answered(timer) or await _call(page, timer)
        await page.conn.execute(SQL["end_timer"], timer["alarm_id"], timer["step"], page.now, result)
        if result.startswith("skipped: nobody"):
            await page.conn.execute(SQL["bring_forward"], timer["alarm_id"], page.now, timer["step"])


def answered(timer: Mapping[str, Any]) -> str | None:
    """Say why a step is not needed any more; None while it is."""
    if timer["state"] == "closed":
        return "skipped: closed"
    if timer["until"] == "acknowledged" and timer["acknowledged_at"] is not None:
        return "skipped: acknowledged"
    if timer["until"] == "judged" and timer["verification"] not in ("none", "pending"):
        return "skipped: judged"
    return None


async def _call(page: Page, timer: Mapping[str, Any]) -> str:
    rows = await page.conn.fetch(SQL["contacts"], timer["channels"], timer["area"])
    drill = timer["drill"] or page.policies.alarm.drilling(page.now)
    reached = 0
    for contact in (dict(row) for row in rows):
        call = write_call(contact, page.policies.bodies, timer, drill=drill)
        if call is None:
            continue
        reached += 1
        await page.conn.execute(
            SQL["insert_call"],
            uuid4(),
            timer["alarm_id"],
            timer["incident_id"],
            f"contact:{contact['id']}",
            "call",
            timer["code"] == FIRE,
            call.target,
            call.body,
            page.now,
        )
    await page.conn.execute("select pg_notify('firetower_notice', '')")
    if not reached:
        return "skipped: nobody to call"
    return f"called {reached}"


async def count_overdue(conn: PoolConnectionProxy, now: datetime) -> int:
    """Return how many steps a healthy clock would not have left behind; anything above 0 is a fault of ours."""
    count: int = await conn.fetchval(SQL["overdue"], now - OVERDUE_AFTER)
    if count:
        log.error("steps_overdue", count=count)
    return count
