"""What people do to alarms and notices: row lock, transition, hash chain and notice in one transaction.

Called by the API with an asyncpg connection; each function opens its own transaction (a savepoint inside an outer one).
Promises that an act is stored whole or not at all, and that works while the alerts program is down.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


async def unshelve(
    conn: asyncpg.Connection, alarm_id: int, *, actor: str, now: datetime, expected_version: int | None = None
) -> Acted:
    """Show the alarm again. Raises as `acknowledge`."""
    raise NotImplementedError


async def add_note(conn: asyncpg.Connection, alarm_id: int, *, note: str, actor: str, now: datetime) -> Acted:
    """Add a line to the alarm's time line. Raises NotFound."""
    raise NotImplementedError


async def set_test_window(
    conn: asyncpg.Connection, site_id: int, *, until: datetime | None, reason: str, actor: str, now: datetime
) -> None:
    """Open, move or end (None) the site's test window, and tell its open fires.

    Raises:
        NotFound: no such site.
    """
    raise NotImplementedError


async def release_notice(conn: asyncpg.Connection, notice_id: UUID, *, actor: str, now: datetime) -> None:
    """Let a held notice go.

    Raises:
        NotFound: no such notice.
        NotAllowed: it is not held.
    """
    raise NotImplementedError


async def replay_notice(conn: asyncpg.Connection, notice_id: UUID, *, actor: str, now: datetime) -> None:
    """Send a dead or delivered notice again under its id.

    Raises:
        NotFound: no such notice.
        NotAllowed: it is still waiting or held.
    """
    raise NotImplementedError
