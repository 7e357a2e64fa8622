"""Who waits for whom: so many requests of one caller at a time, and connections that only people at the desk use.

Used by the gate, the login and heavy reads. Promises that whatever one caller asks for, in whatever number, delays that
caller, and that a verdict, a sign-in and the queue find a connection at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from enum import StrEnum

from services.api.problems import Problem
from services.api.roles import Who

LONGEST_WAIT_S = 15.0


class Room(StrEnum):
    """Whose connections a task borrows."""

    DESK = "desk"  # who judges alarms, walls, and the program itself
    OTHERS = "others"


ROOM: ContextVar[Room] = ContextVar("room", default=Room.DESK)


def room_of(who: Who) -> Room:
    """Return where a caller's requests belong."""
    return Room.DESK if who.at_desk else Room.OTHERS


class Turnstile:
    """Lets `inside` of one caller in at a time; up to `waiting` more wait in order, the next is told to come back."""

    def __init__(self, inside: int, waiting: int) -> None:
        self._inside, self._most = inside, inside + waiting
        self._callers: dict[str, tuple[asyncio.Semaphore, list[None]]] = {}

    @asynccontextmanager
    async def one_of(self, caller: str) -> AsyncIterator[None]:
        """Wait for the caller's turn.

        Raises:
            Problem: 429, too many of the caller's wait already.
            TimeoutError: its turn did not come.
        """
        semaphore, here = self._callers.setdefault(caller, (asyncio.Semaphore(self._inside), []))
        if len(here) >= self._most:
            raise Problem(
                429, "too_many_requests", "too many of your requests wait already", headers={"Retry-After": "1"}
            )
        here.append(None)
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await semaphore.acquire()
            try:
                yield
            finally:
                semaphore.release()
        finally:
            here.pop()
            if not here:
                self._callers.pop(caller, None)


class Rooms:
    """The turnstiles of the process."""

    def __init__(self) -> None:
        self.bodies = Turnstile(100, 0)  # being sent; each is kept until it is whole
        self.ledgers = Turnstile(1, 1)  # 32 MiB each, from the first byte to the last row
        self.reads = Turnstile(6, 100)  # as many as a browser sends at once over HTTP/1.1
        self.writes = Turnstile(4, 50)
        self.heavy = Turnstile(2, 60)
        self.tries = Turnstile(1, 20)  # of a password, by address: a try costs a core for tens of milliseconds
