"""One active process of a program and hot standbys: waits for the lease, works while it is ours, waits for a database.

Used by push and the relay. Promises that the program is ready as soon as it waits for the lease or has it, that a
database that is away is waited for, and that a fault of the program's own ends it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import asyncpg

from services.core import db, lease
from services.core.clock import wait_at_most
from services.core.log import logger
from services.core.settings import Settings
from services.core.text import describe_error

log = logger(__name__)
AWAY_PAUSE_S = 0.5
STANDBY_S = 0.5

Work = Callable[[asyncpg.Connection, UUID], Awaitable[None]]
"""Works until told to end, on a connection of its own and as this owner of the lease."""


async def serve(program: str, settings: Settings, work: Work, stopping: asyncio.Event) -> None:
    """Work whenever the lease of `program` is ours, until told to end."""
    owner = uuid4()
    while not stopping.is_set():
        try:
            async with AsyncExitStack() as stack:
                conn = await db.connect(settings.database_url, program=program, writer=True)
                stack.callback(conn.terminate)
                if await _wait_for_lease(conn, program, owner, settings, stopping):
                    log.info("lease_taken", program=program, owner=str(owner))
                    await work(conn, owner)
                    await lease.release(conn, program, owner)
        except Exception as error:
            db.pass_on_cancel()
            if not db.only_away(error):
                raise
            log.warning("database_away", error=describe_error(error))
            await wait_at_most(stopping, AWAY_PAUSE_S)


async def _wait_for_lease(
    conn: asyncpg.Connection, program: str, owner: UUID, settings: Settings, stopping: asyncio.Event
) -> bool:
    """Stand by until the lease is ours; False when told to end before."""
    while not stopping.is_set():
        active = await lease.take(conn, program, owner)
        if settings.ready_file is not None:
            settings.ready_file.touch()
        if active:
            return True
        await wait_at_most(stopping, STANDBY_S)
    return False
