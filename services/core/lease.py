"""Which of several processes works: one row of `lease` per program, by the database's clock.

Used by alerts and push before every transaction's first write. Promises that a stopped, cut-off or replaced process
writes nothing: its transaction ends with Fenced.
"""

from uuid import UUID

import asyncpg

from services.core import stalled
from services.core.errors import Fenced
from services.core.statements import load_queries

SQL = load_queries(__file__)

EXPIRES_S = 3


async def take(conn: asyncpg.Connection, name: str, owner: UUID) -> bool:
    """Try to become the active worker; False while another one holds the lease."""
    return await stalled.fetchrow(conn, SQL["take"], name, owner, EXPIRES_S) is not None


async def hold(conn: asyncpg.Connection, name: str, owner: UUID) -> None:
    """Renew the lease inside the caller's transaction; its row stays locked until the commit.

    One that ran out and that nobody took (a transaction of ours was long) is still ours.

    Raises:
        Fenced: another process has taken over.
    """
    tag: str = await conn.execute(
        SQL["renew"],
        name,
        owner,
        EXPIRES_S,
    )
    if tag == "UPDATE 0":
        raise Fenced(f"another {name} process has taken over; this one ends")


async def release(conn: asyncpg.Connection, name: str, owner: UUID) -> None:
    """Give the lease up at a clean end, so that the standby need not wait."""
    if conn.is_in_transaction():  # left open by a task that was cancelled as it began one: all would be undone with it
        await conn.execute("rollback")
    await conn.execute(SQL["release"], name, owner)
