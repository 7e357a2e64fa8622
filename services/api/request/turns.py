"""Limits how many requests of one caller run at a time, and keeps connections for the people at the desk.

Used by the gate, the login and heavy reads. Promises that whatever one caller asks for, in whatever number, delays that
caller, and that a verdict, a sign-in, the queue and the charts of an officer find a connection at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from enum import StrEnum

from services.api.request.problems import Problem
from services.api.request.roles import Permission, Who

LONGEST_WAIT_S = 15.0


class Room(StrEnum):
    """Whose connections a task borrows."""

    DESK = "desk"  # people who judge alarms, walls, and the program itself
    OTHERS = "others"


ROOM: ContextVar[Room] = ContextVar("room", default=Room.DESK)


def room_of(who: Who) -> Room:
    """Return where a caller's requests belong."""
    return Room.DESK if who.at_desk else Room.OTHERS


def heavy_room_of(who: Who) -> Room:
    """Return where a caller's heavy reads belong: a screen or a script of the desk may wait, a person must not."""
    return Room.DESK if who.may(Permission.ACT) and who.session is not None else Room.OTHERS


class Turnstile:
    """Lets `inside` of one caller in at a time; up to `waiting` more wait in order, the next is told to come back."""

    def __init__(self, inside: int, waiting: int) -> None:
        self._inside, self._most = inside, inside + waiting
        self.callers: dict[str, tuple[asyncio.Semaphore, list[None]]] = {}

    @asynccontextmanager
    async def one_of(self, caller: str) -> AsyncIterator[None]:
        """Wait for the caller's turn.

        Raises:
            Problem: 429, too many of the caller's wait already.
            TimeoutError: its turn did not come.
        """
        semaphore, here = self.callers.setdefault(caller, (asyncio.Semaphore(self._inside), []))
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
                self.callers.pop(caller, None)


class Anteroom:
    """Holds `most` of one place at a time; one more sends away the one that has been there longest.

    For strangers, whom nothing tells apart but their address: who finishes at once finds room, however many others
    stay and send nothing.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.places: dict[str, dict[asyncio.Timeout, None]] = {}

    @asynccontextmanager
    async def one_of(self, place: str) -> AsyncIterator[None]:
        """Stay while there is room.

        Raises:
            Problem: 408, others of the same place came later and needed the room.
        """
        here = self.places.setdefault(place, {})
        while len(here) >= self._most:
            oldest = next(iter(here))
            del here[oldest]
            oldest.reschedule(asyncio.get_running_loop().time())
        stay = asyncio.timeout(None)
        try:
            async with stay:
                here[stay] = None
                yield
        except TimeoutError:
            if not stay.expired():
                raise
            raise Problem(
                408, "body_late", "others needed the room in which this waited", headers={"Connection": "close"}
            ) from None
        finally:
            here.pop(stay, None)
            if not here and self.places.get(place) is here:
                del self.places[place]


class Rooms:
    """The turnstiles of the process."""

    def __init__(self) -> None:
        self.strangers = Anteroom(100)  # bodies of people who are not signed in, by address: the login's
        self.bodies = Turnstile(100, 0)  # being sent by somebody known; each is kept until it is whole
        self.ledgers = Turnstile(1, 1)  # 32 MiB each, from the first byte to the last row
        self.reads = Turnstile(6, 100)  # as many as a browser sends at once over HTTP/1.1
        self.writes = Turnstile(4, 50)
        self.heavy = {Room.DESK: Turnstile(2, 60), Room.OTHERS: Turnstile(1, 60)}
        # of a password, by address, or by name where that name has signed in before: a try costs a core for tens of
        # milliseconds
        self.tries = Turnstile(1, 20)
