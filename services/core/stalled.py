"""Takes a lease that a stopped process still has locked. Used by core/lease.py and ingest/lease.py.

A writer's transaction that idles is ended by the server after 2 s (core/db.py). One is left that the server sees at
work: a new statement is parsed first and run then, and a process that is stopped between the two (SIGSTOP, a frozen
container) owes the rest for as long as its host answers keep-alives. No time-out of PostgreSQL before 17 ends that.
"""

import asyncpg

from services.core.statements import load_queries

SQL = load_queries(__file__)


async def fetchrow(conn: asyncpg.Connection, query: str, *values: object) -> asyncpg.Record | None:
    """Run a query that locks a lease; None, too, while another transaction has it locked for half a second.

    Whoever has locked it, and let the server wait for 2 s in the middle of a statement, is ended: ask again.
    """
    try:
        async with conn.transaction():
            await conn.execute(SQL["wait_shortly"])
            return await conn.fetchrow(query, *values)
    except asyncpg.LockNotAvailableError:
        await conn.execute(SQL["end_stalled"])
        return None
