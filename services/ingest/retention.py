"""Removes old data: chunks past the retention, the keys of their events, batches that all have read; and excess.

A duty of ingest, hourly, under an advisory lock so that one process does it. `drop_chunks` works on both editions.
Promises that a clock which is suddenly years ahead deletes nothing for a week.
"""

import asyncpg

from services.core.aside import is_blocked
from services.core.log import logger
from services.core.statements import load_queries
from services.core.steady import is_steady
from services.core.text import describe_error
from services.ingest.excess import drop_excess

QUERIES = load_queries(__file__)
HYPERTABLES = ("reading_hydrant", "reading_electrical", "reading_water", "reading_panel", "event")
EXCESS = "excess of rejects"  # no matter of age
TASKS = (*HYPERTABLES, "prune_event_keys", "prune_rejects", "prune_batches", EXCESS)
LOCK = 0x52455441  # "RETA"
PERIOD_S = 3600.0
SLICE = 10_000  # rows of one delete
PATIENCE = "set local lock_timeout = '2s'"  # others go first; next hour again

log = logger(__name__)


async def drop_old(connection: asyncpg.Connection, task: str, retention_days: int) -> None:
    """Do one of TASKS: drop what is older than `retention_days` (at least one year: GB 50440-2007, 3.3)."""
    if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
        return
    try:
        if task == EXCESS:
            await drop_excess(connection, PATIENCE)
        elif not await is_steady(connection):
            if task == TASKS[0]:
                log.info("retention_waits")
        elif task in HYPERTABLES:
            async with connection.transaction():
                await connection.execute(PATIENCE)
                chunks = await connection.fetch(QUERIES["drop_chunks"], task, retention_days)
            if chunks:
                log.info("chunks_dropped", table=task, chunks=len(chunks))
        else:
            await _prune(connection, task, retention_days, SLICE)
    except (asyncpg.PostgresError, TimeoutError) as error:
        if not (is_blocked(error) or isinstance(error, TimeoutError)):  # the latter: of a delete that takes too long
            raise
        log.warning("retention_blocked", table=task, error=describe_error(error))  # next hour again; the others go on
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)


async def _prune(connection: asyncpg.Connection, name: str, *arguments: int) -> None:
    while True:
        async with connection.transaction():
            await connection.execute(PATIENCE)
            tag = await connection.execute(QUERIES[name], *arguments)
        if int(tag.rpartition(" ")[2]) < SLICE:
            return
