"""Work beside the judging (figures, anchors, the heartbeat). It is started again when it fails; no fire waits for it.

Used by main. Promises that a duty's own failure is set aside and shown, that a duty waits for a lost database, and
that one which is too slow, or held up, turn after turn is shown too: nobody else would notice that it stands still.
"""

from collections.abc import Awaitable, Callable

import asyncpg

from services.core import db
from services.core.aside import Asides, Unit, is_blocked, own_fault
from services.core.clock import Clock
from services.core.log import logger
from services.core.text import describe_error

KIND = "duty"
AGAIN_S = 10.0
BLOCKED_TURNS = 3
"""So many in a row that a lock or the statement's timeout ended are no accident of a busy minute."""
log = logger(__name__)
Turn = Callable[[], Awaitable[float]]  # does it once, and returns the seconds until its next turn


async def keep(name: str, turn: Turn, pool: asyncpg.Pool, clock: Clock) -> None:
    """Take one turn after the other without end."""
    asides = Asides("alerts", clock)
    told, blocked = False, 0
    while True:
        try:
            pause_s = await turn()
            blocked = 0
            if not told:  # an earlier failure, of this process or the one before
                async with pool.acquire() as conn:
                    await asides.refresh(conn)
                    await asides.over(conn, KIND, name)
                told = True
        except Exception as error:  # noqa: BLE001 - any failure is set aside, and the next turn is taken
            db.pass_on_cancel()
            pause_s, told = AGAIN_S, False
            blocked = blocked + 1 if _is_held_up(error) else 0
            if own_fault(error) or blocked >= BLOCKED_TURNS:
                await _show(name, error, pool, asides)
            else:
                log.warning("duty_waits", duty=name, error=describe_error(error))
        await clock.sleep(pause_s)


def _is_held_up(error: Exception) -> bool:
    """Whether a lock or a timeout of a statement ended the turn; the driver may notice the time before the server."""
    return is_blocked(error) or isinstance(error, TimeoutError)


async def _show(name: str, error: Exception, pool: asyncpg.Pool, asides: Asides) -> None:
    try:
        async with pool.acquire() as conn:
            await asides.add(conn, Unit(KIND, name), error)
    except db.AWAY as away:
        db.pass_on_cancel()
        log.warning("duty_failed", duty=name, error=describe_error(error), untold=describe_error(away))
