"""People's acts on alarms and notices: row lock, transition, hash chain and notice in one transaction.

Called by the API with an asyncpg connection; each function opens its own transaction (a savepoint inside an outer one).
Promises that an act is stored whole or not at all, that it is judged on the very row that it changes, and that it works
while the alerts program is down.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from services.core.alarms.fires.site import FireAct, FireKey, dismissed
from services.core.alarms.ledger.page import ANNOUNCE, Page
from services.core.alarms.ledger.refusals import NotAllowed, NotFound
from services.core.alarms.ledger.rows import Entry, document_row
from services.core.alarms.life.happenings import Act, ActKind
from services.core.alarms.life.model import Alarm, OutcomeKind, Step
from services.core.alarms.policies import load_policies
from services.core.statements import load_queries
from services.core.words import NoticeState, Verification

SQL = load_queries(__file__)

_NOTICE_ZH: Mapping[NoticeState, str] = {
    NoticeState.WAITING: "发送中", NoticeState.HELD: "待人工放行", NoticeState.DELIVERED: "已接收",
    NoticeState.DEAD: "被拒绝", NoticeState.WITHDRAWN: "已撤回",
}  # fmt: skip
_FINISHED = frozenset({NoticeState.DELIVERED, NoticeState.DEAD, NoticeState.WITHDRAWN})

# what a township and its county tell each other; a corrected verdict is a verdict
_CARRIED: Mapping[ActKind, str] = {
    ActKind.ACKNOWLEDGE: "acknowledge", ActKind.VERIFY: "verify", ActKind.CORRECT: "verify",
}  # fmt: skip

Check = Callable[[Alarm], None]
"""Looks at the alarm once its row is locked, and refuses the act by raising: who may, on which version."""


class Came(NamedTuple):
    """Where an act came from that was not said here: its id there, and the township, or `county`."""

    act_id: UUID
    origin: str


@dataclass(frozen=True, slots=True)
class Acted:
    """The alarm after an act: `row` in the columns that documents show, `outcome` the word of the transition."""

    row: dict[str, Any]
    outcome: str


def _anyone(_alarm: Alarm) -> None:
    """Refuse nothing."""


async def acknowledge(
    conn: asyncpg.Connection,
    alarm_id: int,
    *,
    actor: str,
    now: datetime,
    check: Check = _anyone,
    note: str = "",
    came: Came | None = None,
) -> Acted:
    """Note that a person has seen the alarm. Stops no fire's clock (contract 6).

    Raises:
        NotFound: no such alarm.
        NotAllowed: the life cycle forbids it.
        Exception: whatever `check` raises.
    """
    return await _act(conn, alarm_id, Act(ActKind.ACKNOWLEDGE, actor, note=note), now, check, came=came)


async def verify(
    conn: asyncpg.Connection,
    alarm_id: int,
    *,
    outcome: str,
    note: str,
    actor: str,
    now: datetime,
    check: Check = _anyone,
    came: Came | None = None,
) -> Acted:
    """Give a verdict on a fire: `outcome` is real, false or test. Raises as `acknowledge`."""
    verdict = Verification(outcome)
    return await _act(conn, alarm_id, Act(ActKind.VERIFY, actor, verdict=verdict, note=note), now, check, came=came)


async def correct(
    conn: asyncpg.Connection,
    alarm_id: int,
    *,
    outcome: str,
    reason: str,
    actor: str,
    now: datetime,
    check: Check = _anyone,
    came: Came | None = None,
) -> Acted:
    """Replace the verdict on a closed fire. The first verdict's line stays in the chain. Raises as `acknowledge`."""
    wanted = Act(ActKind.CORRECT, actor, verdict=Verification(outcome), note=reason)
    return await _act(conn, alarm_id, wanted, now, check, came=came)


async def clear(
    conn: asyncpg.Connection,
    alarm_id: int,
    *,
    actor: str,
    now: datetime,
    check: Check = _anyone,
    note: str = "",
) -> Acted:
    """End the condition by hand. Raises as `acknowledge`; an unverified fire cannot be cleared shut."""
    return await _act(conn, alarm_id, Act(ActKind.CLEAR, actor, note=note), now, check)


async def shelve(
    conn: asyncpg.Connection,
    alarm_id: int,
    *,
    until: datetime,
    reason: str,
    actor: str,
    now: datetime,
    check: Check = _anyone,
) -> Acted:
    """Hide the alarm until a time, with a reason. Never mutes a fire. Raises as `acknowledge`."""
    return await _act(conn, alarm_id, Act(ActKind.SHELVE, actor, until=until, note=reason), now, check)


async def unshelve(
    conn: asyncpg.Connection, alarm_id: int, *, actor: str, now: datetime, check: Check = _anyone
) -> Acted:
    """Show the alarm again. Raises as `acknowledge`."""
    return await _act(conn, alarm_id, Act(ActKind.UNSHELVE, actor), now, check)


async def add_note(
    conn: asyncpg.Connection, alarm_id: int, *, note: str, actor: str, now: datetime, check: Check = _anyone
) -> Acted:
    """Add a line to the alarm's time line. Raises NotFound, and NotAllowed for an empty note."""
    return await _act(conn, alarm_id, Act(ActKind.NOTE, actor, note=note), now, check)


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
            raise NotFound(f"there is no site {site_id}")
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
        if state is not NoticeState.HELD:
            raise NotAllowed(f"通知{_NOTICE_ZH[state]}，无需放行", f"the notice is {state}, not held")
        await conn.execute(SQL["release_notice"], notice_id, now)
        await _audit(conn, now, actor, action="notice.release", target=f"notice:{notice_id}", detail={})


async def replay_notice(conn: asyncpg.Connection, notice_id: UUID, *, actor: str, now: datetime) -> None:
    """Send a delivered, dead or withdrawn notice again under its id.

    Raises:
        NotFound: no such notice.
        NotAllowed: it is still waiting or held.
    """
    async with _notice(conn, notice_id) as state:
        if state not in _FINISHED:
            raise NotAllowed(
                f"通知{_NOTICE_ZH[state]}，不能重发：只有已接收、被拒绝或已撤回的通知可以重发",
                f"the notice is {state}; only a delivered, dead or withdrawn one is replayed",
            )
        await conn.execute(SQL["release_notice"], notice_id, now)
        await _audit(conn, now, actor, action="notice.replay", target=f"notice:{notice_id}", detail={"was": state})


async def _act(
    conn: asyncpg.Connection, alarm_id: int, wanted: Act, now: datetime, check: Check, *, came: Came | None = None
) -> Acted:
    async with conn.transaction():
        page = Page(conn, now, await load_policies(conn))
        entry, scopes = await _lock(page, alarm_id)
        check(entry.alarm)
        done = await _take(page, entry, wanted, scopes)
        if done.outcome.kind is OutcomeKind.REFUSED:
            raise NotAllowed(*done.outcome.reason)
        await page.write()
        if wanted.kind is not ActKind.NOTE:
            await conn.execute(SQL["withdraw_calls"], alarm_id, wanted.kind is ActKind.SHELVE)
        if wanted.kind in _CARRIED:
            await conn.execute(
                SQL["keep_act"], alarm_id, _CARRIED[wanted.kind], wanted.verdict, wanted.actor, wanted.note, now,
                *(came or (None, None)), wanted.kind is ActKind.CORRECT,
            )  # fmt: skip
        detail: dict[str, Any] = {"note": wanted.note, "outcome": done.outcome.kind}
        if wanted.verdict is not None:
            detail["verdict"] = wanted.verdict
        if wanted.until is not None:
            detail["until"] = wanted.until.isoformat()
        target = f"alarm:{alarm_id}"
        await _audit(conn, now, wanted.actor, action=f"alarm.{wanted.kind}", target=target, detail=detail)
        return Acted(document_row(entry, entry.alarm), done.outcome.kind)


async def _lock(page: Page, alarm_id: int) -> tuple[Entry, list[str]]:
    """Lock the alarm; a fire together with the others of its site, whose row is locked first, as everywhere.

    Returned with it are the locks of the fires that its verdict may concern.
    """
    found = await page.conn.fetchrow(SQL["scopes_of"], alarm_id)
    scopes: list[str] = [] if found is None else found["scopes"]
    for scope in scopes:
        await page.load_scope(scope)
    locked = next((entry for entry in page.entries if entry.id == alarm_id), None)
    entry = locked or (None if found is None else await page.load_one(alarm_id))
    if entry is None:
        raise NotFound(f"there is no alarm {alarm_id}")
    if entry.scope is not None and entry.alarm.open:
        await page.load_scope(entry.scope)  # another one, if its device was moved just now
    return entry, scopes


async def _take(page: Page, entry: Entry, wanted: Act, scopes: Sequence[str]) -> Step:
    """Take the step; a step of a fire affects every fire of its site, and of its incident."""
    if entry.scope is None:
        return page.take_entry(entry, wanted, wanted.actor)
    if not entry.alarm.open:
        done = page.take_entry(entry, wanted, wanted.actor)
        if done.outcome.kind is OutcomeKind.CORRECTED and (gone := dismissed(entry.alarm)) is not None:
            for scope in scopes:
                await page.take_fire(scope, gone, wanted.actor, None)
        return done
    key = FireKey(entry.alarm.device or "", entry.key.component)
    steps = await page.take_fire(entry.scope, FireAct(key, wanted), wanted.actor, None)
    return next(done for done in steps if done.alarm is not None and done.alarm.id == entry.id)


@asynccontextmanager
async def _notice(conn: asyncpg.Connection, notice_id: UUID) -> AsyncIterator[NoticeState]:
    async with conn.transaction():
        row = await conn.fetchrow(SQL["lock_notice"], notice_id)
        if row is None:
            raise NotFound(f"there is no notice {notice_id}")
        yield NoticeState(row["state"])
        await conn.execute(ANNOUNCE)


async def _audit(
    conn: asyncpg.Connection, now: datetime, actor: str, *, action: str, target: str, detail: dict[str, Any]
) -> None:
    await conn.execute(SQL["audit"], now, actor, action, target, detail)
