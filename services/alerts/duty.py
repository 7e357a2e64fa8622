"""Work beside the judging (figures, anchors, the heartbeat). It is started again when it fails; no fire waits for it.

Used by main. Promises that a duty's own failure is set aside and shown, and that a duty waits for a lost database.
"""

from collections.abc import Awaitable, Callable

import asyncpg

from services.core import db
from services.core.aside import Asides, Unit, own_fault
from services.core.clock import Clock
from services.core.log import logger
from services.core.text import describe_error

KIND = "duty"
AGAIN_S = 10.0
log = logger(__name__)
Turn = Callable[[], Awaitable[float]]  # does it once, and returns the seconds until its next turn


async def keep(name: str, turn: Turn, pool: asyncpg.Pool, clock: Clock) -> None:
    """Take one turn after the other without end."""
    asides = Asides("alerts", clock)
    told = False
    while True:
        try:
            pause_s = await turn()
            if not told:  # an earlier failure, of this process or the one before
                async with pool.acquire() as conn:
                    await asides.refresh(conn)
                    await asides.over(conn, KIND, name)
                told = True
        except Exception as error:  # noqa: BLE001 - any failure is set aside, and the next turn is taken
            db.pass_on_cancel()
            pause_s, told = AGAIN_S, False
            await _tell(name, error, pool, asides)
        await clock.sleep(pause_s)


async def _tell(name: str, error: Exception, pool: asyncpg.Pool, asides: Asides) -> None:
    if not own_fault(error):
        log.warning("duty_waits", duty=name, error=describe_error(error))
        return
    try:
        async with pool.acquire() as conn:
            await asides.add(conn, Unit(KIND, name), error)
    except db.AWAY as away:
        db.pass_on_cancel()
        log.warning("duty_failed", duty=name, error=describe_error(error), untold=describe_error(away))
