"""What people do to alarms and notices: row lock, transition, hash chain and notice in one transaction.

Called by the API with an asyncpg connection; each function opens its own transaction (a savepoint inside an outer one).
Promises that an act is stored whole or not at all, and that works while the alerts program is down.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.core.alarms.fires.site import FireAct, FireKey
from services.core.alarms.ledger.page import SQL, Page
from services.core.alarms.ledger.refusals import NotAllowed, NotFound, VersionConflict
from services.core.alarms.ledger.rows import Entry
from services.core.alarms.life.happenings import Act, ActKind
from services.core.alarms.life.model import OutcomeKind, Step
from services.core.alarms.policies import load_policies
from services.core.words import Verification


@dataclass(frozen=True, slots=True)
class Acted:
    """What an act made of the alarm. `outcome` is the word of the transition, `reason` says it to people (zh, en)."""

    alarm_id: int
    version: int
    state: str
    outcome: str
    reason: tuple[str, str]


async def acknowledge(
    conn: asyncpg.Connection,
    alarm_id: int,
    *,
    actor: str,
    now: datetime,
    expected_version: int | None = None,
    note: str = "",
) -> Acted:
    """Note that a person has seen the alarm. Stops no fire's clock (contract 6).

    Raises:
        NotFound: no such alarm.
        VersionConflict: it has changed since `expected_version`.
        NotAllowed: the life cycle forbids it.
    """
    return await _act(conn, alarm_id, Act(ActKind.ACKNOWLEDGE, actor, note=note), now, expected_version)


async def verify(
    conn: asyncpg.Connection,
    alarm_id: int,
    *,
    outcome: str,
    note: str,
    actor: str,
    now: datetime,
    expected_version: int | None = None,
) -> Acted:
    """Judge a fire: `outcome` is real, false or test. Raises as `acknowledge`."""
    verdict = Verification(outcome)
    return await _act(conn, alarm_id, Act(ActKind.VERIFY, actor, verdict=verdict, note=note), now, expected_version)


async def clear(
    conn: asyncpg.Connection,
    alarm_id: int,
    *,
    actor: str,
    now: datetime,
    expected_version: int | None = None,
    note: str = "",
) -> Acted:
    """End the condition by hand. Raises as `acknowledge`; an unverified fire cannot be cleared shut."""
    return await _act(conn, alarm_id, Act(ActKind.CLEAR, actor, note=note), now, expected_version)


async def shelve(
    conn: asyncpg.Connection,
    alarm_id: int,
    *,
    until: datetime,
    reason: str,
    actor: str,
    now: datetime,
    expected_version: int | None = None,
) -> Acted:
    """Hide the alarm until a time, with a reason. Never mutes a fire. Raises as `acknowledge`."""
    return await _act(conn, alarm_id, Act(ActKind.SHELVE, actor, until=until, note=reason), now, expected_version)


async def unshelve(
    conn: asyncpg.Connection, alarm_id: int, *, actor: str, now: datetime, expected_version: int | None = None
) -> Acted:
    """Show the alarm again. Raises as `acknowledge`."""
    return await _act(conn, alarm_id, Act(ActKind.UNSHELVE, actor), now, expected_version)


async def add_note(conn: asyncpg.Connection, alarm_id: int, *, note: str, actor: str, now: datetime) -> Acted:
    """Add a line to the alarm's time line. Raises NotFound, and NotAllowed for an empty note."""
    return await _act(conn, alarm_id, Act(ActKind.NOTE, actor, note=note), now, None)


async def set_test_window(
    conn: asyncpg.Connection, site_id: int, *, until: datetime | None, reason: str, actor: str, now: datetime
) -> None:
    """Open, move or end (None) the site's test window, and tell its open fires.

    Raises:
        NotFound: no such site.
    """
    async with conn.transaction():
        tag: str = await conn.execute(SQL["set_window"], site_id, until, reason, actor, now)
        if tag == "UPDATE 0":
            raise NotFound(f"site {site_id} does not exist")
        page = Page(conn, now, await load_policies(conn))
        await page.load_scope(f"site:{site_id}")
        await page.write()
        detail = {"until": None if until is None else until.isoformat(), "reason": reason}
        await _audit(conn, now, actor, action="site.test_window", target=f"site:{site_id}", detail=detail)


async def release_notice(conn: asyncpg.Connection, notice_id: UUID, *, actor: str, now: datetime) -> None:
    """Let a held notice go.

    Raises:
        NotFound: no such notice.
        NotAllowed: it is not held.
    """
    async with _notice(conn, notice_id) as state:
        if state != "held":
            raise NotAllowed(f"通知状态为 {state}，未被暂存", f"the notice is {state}, not held")
        await conn.execute(SQL["release_notice"], notice_id, now)
        await _audit(conn, now, actor, action="notice.release", target=f"notice:{notice_id}", detail={})


async def replay_notice(conn: asyncpg.Connection, notice_id: UUID, *, actor: str, now: datetime) -> None:
    """Send a dead or delivered notice again under its id.

    Raises:
        NotFound: no such notice.
        NotAllowed: it is still waiting or held.
    """
    async with _notice(conn, notice_id) as state:
        if state not in ("dead", "delivered", "withdrawn"):
            raise NotAllowed(f"通知状态为 {state}，不能重发", f"the notice is {state}; only a finished one is replayed")
        await conn.execute(SQL["release_notice"], notice_id, now)
        await _audit(conn, now, actor, action="notice.replay", target=f"notice:{notice_id}", detail={"was": state})


async def _act(
    conn: asyncpg.Connection, alarm_id: int, wanted: Act, now: datetime, expected_version: int | None
) -> Acted:
    async with conn.transaction():
        found = await conn.fetchrow(SQL["find_one"], alarm_id)
        if found is None:
            raise NotFound(f"alarm {alarm_id} does not exist")
        page = Page(conn, now, await load_policies(conn))
        if found["scope"] is not None:
            await page.load_scope(found["scope"])
        entry = await page.load_one(alarm_id)
        if entry is None:
            raise NotFound(f"alarm {alarm_id} does not exist")
        if expected_version is not None and entry.alarm.version != expected_version:
            raise VersionConflict(
                f"alarm {alarm_id} has version {entry.alarm.version}, not {expected_version}: read it again",
                entry.alarm.version,
            )
        done = await _take(page, entry, wanted)
        if done.outcome.kind is OutcomeKind.REFUSED:
            raise NotAllowed(*done.outcome.reason)
        await page.write()
        if wanted.kind is not ActKind.NOTE:
            await conn.execute(SQL["withdraw_calls"], alarm_id)
        detail: dict[str, Any] = {"note": wanted.note, "outcome": done.outcome.kind}
        if wanted.verdict is not None:
            detail["verdict"] = wanted.verdict
        if wanted.until is not None:
            detail["until"] = wanted.until.isoformat()
        target = f"alarm:{alarm_id}"
        await _audit(conn, now, wanted.actor, action=f"alarm.{wanted.kind}", target=target, detail=detail)
        alarm = entry.alarm
        return Acted(
            alarm_id, alarm.version, alarm.state, done.outcome.kind, (done.outcome.reason.zh, done.outcome.reason.en)
        )


async def _take(page: Page, entry: Entry, wanted: Act) -> Step:
    """Take the step; a fire's bears on every fire of its site."""
    if entry.scope is None or not entry.alarm.open:
        return page.take_entry(entry, wanted, wanted.actor)
    key = FireKey(entry.alarm.device or "", entry.key.component)
    steps = await page.take_fire(entry.scope, FireAct(key, wanted), wanted.actor, None)
    return next(done for done in steps if done.alarm is not None and done.alarm.id == entry.id)


@asynccontextmanager
async def _notice(conn: asyncpg.Connection, notice_id: UUID) -> AsyncIterator[str]:
    async with conn.transaction():
        row = await conn.fetchrow(SQL["lock_notice"], notice_id)
        if row is None:
            raise NotFound(f"notice {notice_id} does not exist")
        yield row["state"]
        await conn.execute(SQL["announce"])


async def _audit(
    conn: asyncpg.Connection, now: datetime, actor: str, *, action: str, target: str, detail: dict[str, Any]
) -> None:
    await conn.execute(SQL["audit"], now, actor, action, target, detail)
