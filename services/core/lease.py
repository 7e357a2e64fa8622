"""Which of several processes works: one row of `lease` per program, by the database's clock.

Used by alerts and push before every transaction's first write. Promises that a stopped, cut-off or replaced process
writes nothing: its transaction ends with Fenced.
"""

from uuid import UUID

import asyncpg

from services.core.errors import Fenced

EXPIRES_S = 3


async def take(conn: asyncpg.Connection, name: str, owner: UUID) -> bool:
    """Try to become the active worker; False while another one holds the lease."""
    row = await conn.fetchrow(
        """
        insert into lease (name, owner, expires_at, taken_at)
        values ($1, $2, clock_timestamp() + make_interval(secs => $3), clock_timestamp())
        on conflict (name) do update
        set owner = excluded.owner, expires_at = excluded.expires_at, taken_at = excluded.taken_at
        where lease.expires_at < clock_timestamp() or lease.owner = excluded.owner
        returning owner
        """,
        name,
        owner,
        EXPIRES_S,
    )
    return row is not None


async def hold(conn: asyncpg.Connection, name: str, owner: UUID) -> None:
    """Renew the lease inside the caller's transaction; its row stays locked until the commit.

    One that ran out and that nobody took (a transaction of ours was long) is still ours.

    Raises:
        Fenced: another process has taken over.
    """
    tag: str = await conn.execute(
        """
        update lease set expires_at = clock_timestamp() + make_interval(secs => $3)
        where name = $1 and owner = $2
        """,
        name,
        owner,
        EXPIRES_S,
    )
    if tag == "UPDATE 0":
        raise Fenced(f"another {name} process has taken over; this one ends")


async def release(conn: asyncpg.Connection, name: str, owner: UUID) -> None:
    """Give the lease up at a clean end, so that the standby need not wait."""
    await conn.execute("delete from lease where name = $1 and owner = $2", name, owner)
