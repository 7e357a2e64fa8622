"""What the API clears away: old Idempotency-Keys, ended sessions, and hours of loss accounting summed once.

One task of main. With the database away it tries again at its next turn.
"""

from datetime import timedelta

from services.api.database import Database
from services.api.device_rows import QUERIES
from services.core import db
from services.core.clock import Clock
from services.core.log import logger

log = logger(__name__)
EVERY_S = 600.0
_KEPT = timedelta(hours=24)
_COUNTED_LIVE = timedelta(hours=26)  # the last 24 h are shown by the hour
_FIRST_S = 20.0


async def clear(database: Database, clock: Clock) -> None:
    """Clear once."""
    now = clock.now()
    before = (now - _COUNTED_LIVE).replace(minute=0, second=0, microsecond=0)
    async with database.writing() as connection:
        await connection.execute(QUERIES["fold_quality"], before)
    async with database.writing() as connection:
        await connection.execute("delete from idempotency_key where created_at < $1", now - _KEPT)
        await connection.execute("delete from web_session where expires_at < $1", now)


async def keep_house(database: Database, clock: Clock) -> None:
    """Clear again and again."""
    await clock.sleep(_FIRST_S)
    while True:
        try:
            await clear(database, clock)
        except db.AWAY as error:
            db.pass_on_cancel()
            log.warning("not_cleared", error=repr(error))
        await clock.sleep(EVERY_S)
