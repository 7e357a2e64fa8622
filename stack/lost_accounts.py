"""Which devices had an account at the broker and have none any more: the desk hears of it, none is locked out silently.

Called by `stack.up` once the schema is up to date. After a start with a damaged file of accounts, the devices that were
given credentials (the audit says whom) are held against the accounts that are left; whoever is missing is set aside for
a person, which is an alarm of its own, until a later start finds them all.
"""

from datetime import UTC, datetime

from services.core.aside import SQL, Unit, write_aside
from services.core.db import connect
from services.core.errors import FiretowerError
from stack.accounts_file import AccountsFile

_PROGRAM, _KIND, _NAME = "up", "accounts", "broker"
_GIVEN = """
    select target from audit where action in ('device.credentials', 'device.credentials_refused') group by target
    having sum(case action when 'device.credentials' then 1 else -1 end) > 0  -- the broker refused some
"""
_IS_OPEN = "select exists (select from set_aside where program = $1 and kind = $2 and name = $3 and done_at is null)"
_MOST_NAMED = 50


class AccountsLost(FiretowerError):
    """Devices cannot sign in at the broker any more."""


async def tell_lost_accounts(dsn: str, accounts: AccountsFile) -> None:
    """Set aside that accounts are lost, or strike it off once there are all of them.

    Raises:
        asyncpg.PostgresError, OSError: the database is away.
    """
    connection = await connect(dsn, program="up")
    try:
        told = await connection.fetchval(_IS_OPEN, _PROGRAM, _KIND, _NAME)
        if not accounts.found and not told:
            return
        given = {row["target"] for row in await connection.fetch(_GIVEN)}
        lost, now = sorted(given - accounts.devices()), datetime.now(UTC)
        if lost:
            more = f" and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else ""
            error = AccountsLost(
                f"{len(lost)} devices have no account at the broker any more and cannot sign in; issue their"
                f" credentials anew: {', '.join(lost[:_MOST_NAMED])}{more}. {accounts.found}"
            )
            await write_aside(connection, _PROGRAM, Unit(_KIND, _NAME, detail={"devices": lost}), error, now)
        elif told:
            await connection.execute(SQL["over"], _PROGRAM, _KIND, _NAME, now)
    finally:
        await connection.close()
