"""`firetower push`: sends committed events to the platforms that subscribed (contract 9.3), and fires to browsers.

Started by the command line. Promises one active process and a hot standby. No subscriber can disturb another program.
The program waits for a lost database; a fault of its own ends it.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from uuid import UUID

import asyncpg

from services.core import db, program, tenure
from services.core.clock import Clock, SystemClock
from services.core.limits import raise_file_limit
from services.core.metrics import PUSH_ACTIVE
from services.core.settings import PushSettings
from services.core.steady import is_steady
from services.push.board import Board
from services.push.browsers import Browsers
from services.push.courier import Tools
from services.push.documents import Documents
from services.push.numbering import LEASE, Numbering
from services.push.recorder import SQL, Recorder

NICENESS = 5  # fires come first on a machine that is busy
KEPT = timedelta(days=30)  # how far back a replay can reach
FORGET_EVERY_S, FORGET_AT_ONCE = 600.0, 20_000


def main(settings: PushSettings | None = None) -> None:
    """Run from the command line; read the environment unless settings are given. Raises as `program.run`."""
    settings = settings or PushSettings.read()
    raise_file_limit()
    os.nice(NICENESS)
    program.run("push", settings, partial(run, settings, SystemClock()))


async def run(settings: PushSettings, clock: Clock, stopping: asyncio.Event) -> None:
    """Wait for the lease, then work until told to end."""

    async def work(conn: asyncpg.Connection, owner: UUID) -> None:
        try:
            await _work(conn, owner, settings, clock, stopping)
        finally:
            PUSH_ACTIVE.set(0)

    await tenure.serve(LEASE, settings, work, stopping)


async def _work(
    conn: asyncpg.Connection, owner: UUID, settings: PushSettings, clock: Clock, stopping: asyncio.Event
) -> None:
    async with AsyncExitStack() as stack:
        pool = await db.create_pool(settings.database_url, program="push.deliver", size=4)
        stack.callback(pool.terminate)
        recorder = Recorder(pool, clock)
        board = Board(Tools(pool, recorder, Documents(pool), clock), settings)

        async def connect() -> asyncpg.Connection:
            fresh = await db.connect(settings.database_url, program="push", writer=True)
            stack.callback(fresh.terminate)
            return fresh

        numbering = Numbering(conn, owner, clock, board.fanned, board.look_at_all_again, connect)
        listener = await db.connect(settings.database_url, program="push.listen")
        stack.callback(listener.terminate)

        def heard(_conn: object, _pid: int, _channel: str, payload: object) -> None:
            if isinstance(payload, str) and payload.isdigit():
                board.look_again(int(payload))
            board.hint.set()

        own = await db.create_pool(settings.database_url, program="push.browsers", size=2)
        stack.callback(own.terminate)
        browsers = Browsers(own, clock, settings)
        await listener.add_listener("firetower_web_push", lambda *_: browsers.hint.set())
        await listener.add_listener("firetower_subscription", heard)
        await listener.add_listener("firetower_subscription_event", lambda *_: numbering.hint.set())
        PUSH_ACTIVE.set(1)
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(numbering.run(), name="numbering"),
                tasks.create_task(board.run(), name="board"),
                tasks.create_task(recorder.run(), name="recorder"),
                tasks.create_task(browsers.run(), name="browsers"),
                tasks.create_task(_keep_listening(listener, clock), name="listen"),
                tasks.create_task(_forget(pool, clock), name="forget"),
            ]
            await stopping.wait()
            for task in running:
                task.cancel()
        await recorder.flush()


async def _keep_listening(listener: asyncpg.Connection, clock: Clock) -> None:
    """Notice a listening connection that died silently: the polls go on, but the program starts anew."""
    while True:
        await listener.execute("select 1")
        await clock.sleep(5)


async def _forget(pool: asyncpg.Pool, clock: Clock) -> None:
    """Delete what is older than anybody may replay, with its deliveries."""
    while True:
        async with pool.acquire() as conn:
            now, done = clock.now(), ""
            if await is_steady(conn, now):
                done = await conn.execute(SQL["forget"], now - KEPT, FORGET_AT_ONCE)
        await clock.sleep(1.0 if done == f"DELETE {FORGET_AT_ONCE}" else FORGET_EVERY_S)
