"""Works waiting trials off, one at a time, each in a process of its own. A duty of main.

Promises that no fire waits for a trial: the walk takes processor time in another process, of the lowest priority. What
was running when alerts ended is tried once more, and then counts as failed.
"""

import asyncio
import os
import sys
import uuid
from typing import Final

import asyncpg

from services.alerts.trials.work import MOST_S
from services.core.clock import Clock
from services.core.log import logger
from services.core.rules.trials import KEPT
from services.core.statements import load_queries

SQL = load_queries(__file__)
LOOK_S: Final = 2.0
LATEST_S: Final = MOST_S + 60  # when a process that has not ended by itself is ended
log = logger(__name__)


class Trials:
    """The trials that people asked for."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, database_url: str) -> None:
        self._pool = pool
        self._clock = clock
        self._database_url = database_url
        self._worker = uuid.uuid4()

    async def take_turn(self) -> float:
        """Work one trial off, if there is one; return the pause until the next turn."""
        async with self._pool.acquire() as conn:
            await conn.execute(SQL["take_back"], self._worker)
            await conn.execute(SQL["forget"], self._clock.now() - KEPT)
            number = await conn.fetchval(SQL["take_next"], self._worker)
        if number is None:
            return LOOK_S
        code = await self._work(number)
        async with self._pool.acquire() as conn:
            if await conn.fetchval(SQL["fail_unfinished"], number, self._worker):
                log.warning("trial_failed", trial=number, code=code)
        return 0.0

    async def _work(self, number: int) -> int | None:
        """Run the process of a trial; return its exit code, None when it took too long."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.alerts.trials.work", str(number), str(self._worker),
            stdin=asyncio.subprocess.PIPE, env=os.environ | {"FIRETOWER_DATABASE_URL": self._database_url},
        )  # fmt: skip
        try:
            async with asyncio.timeout(LATEST_S):
                return await process.wait()
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
