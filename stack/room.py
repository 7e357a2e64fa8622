"""Room on the disks of a state folder. Called by `stack.up`."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path

import asyncpg

from services.core import db
from services.core.errors import FiretowerError
from stack.children import ChildError

EVERY_S = 5.0
FULL_BELOW_BYTES = 32 * 2**20  # PostgreSQL cannot start without room for two segments of its log


def free_bytes(folder: Path) -> int | None:
    """What may still be written on the disk of a folder, or None when nobody can say."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def is_full(folders: Iterable[Path]) -> bool:
    """Whether one of the disks has no room for a server to start."""
    return any((free := free_bytes(folder)) is not None and free < FULL_BELOW_BYTES for folder in folders)


async def when_there_is_room(
    step: Callable[[], Awaitable[None]], full: Callable[[], bool], say: Callable[[str], None]
) -> None:
    """Do a step of the start; one that a full disk kept from succeeding is done again until it does.

    The first failure after there was room is forgiven too: a database that ran out of it is still coming back then.

    Raises:
        Exception: what the step raised while no disk was full.
    """
    was_full = False
    while True:
        try:
            return await step()
        except (OSError, FiretowerError, ChildError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            db.pass_on_cancel()
            is_full_now = full()
            if not is_full_now and not was_full:
                raise
            was_full = is_full_now
            say(f"waiting for room on the disk: {error}")
        await asyncio.sleep(EVERY_S)
