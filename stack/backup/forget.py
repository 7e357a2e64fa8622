"""A system that keeps no copies: nobody is told that they are overdue, and its server keeps no log for them.

Called by `up` when neither the environment nor anybody before asked for copies.
"""

from stack.backup.follow import SLOT
from stack.backup.server import SQL, asking


async def forget_copies(programs_dsn: str, copier_dsn: str) -> None:
    """Forget how far copies went; the slot that another keeper is using stays.

    Raises:
        OSError, asyncpg.PostgresError: the database does not answer.
    """
    async with asking(programs_dsn) as connection:
        await connection.execute(SQL["forget"])
    if copier_dsn:
        async with asking(copier_dsn) as connection:
            await connection.execute(SQL["drop_slot"], SLOT)
