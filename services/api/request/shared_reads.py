"""Answers that are the same for everybody with one scope, read once every few seconds. Used by overview routes.

Promises of `get` that reading takes at most a twentieth of the time in each room, however many screens ask and however
long it takes, and that the desk waits for nobody else's reading.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple

from services.api.request.turns import ROOM, Room
from services.core.clock import Clock

_MOST = 256
_SHARE = 20
_LONGEST_OLD_S = (
    30.0  # for this long past its time, an answer is still given to those who would have to wait for the next one
)


class _Answer(NamedTuple):
    """What was read, from when on, and until when it is given out."""

    until: float
    value: Any
    began: float


class Kept:
    """A small store of answers by key; who asks while another of the room reads gets the last answer, or waits."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, _Answer] = OrderedDict()
        self._locks: dict[Hashable, dict[Room, asyncio.Lock]] = {}

    async def get(self, key: Hashable, seconds: float, clock: Clock, read: Callable[[], Awaitable[Any]]) -> Any:
        """Return the answer kept under `key`, or read it; it is kept for `seconds`, or 20 times as long as it took."""
        lock = self._locks.setdefault(key, {}).setdefault(ROOM.get(), asyncio.Lock())
        last = self._answers.get(key)
        if lock.locked() and last is not None and clock.monotonic() < last.until + _LONGEST_OLD_S:
            return last.value
        async with lock:
            found = self._answers.get(key)
            if found is not None and clock.monotonic() < found.until:
                return found.value
            return await self._read(key, seconds, clock, read)

    async def anew(self, key: Hashable, seconds: float, clock: Clock, read: Callable[[], Awaitable[Any]]) -> Any:
        """Read the answer after this call and keep it for `get`; who waited for another's reading may take that.

        For what people ask for by hand, of a room that bounds how much is read: nothing else does here.
        """
        lock = self._locks.setdefault(key, {}).setdefault(ROOM.get(), asyncio.Lock())
        asked = clock.monotonic()
        async with lock:
            found = self._answers.get(key)
            if found is not None and asked < found.began:
                return found.value
            return await self._read(key, seconds, clock, read)

    async def _read(self, key: Hashable, seconds: float, clock: Clock, read: Callable[[], Awaitable[Any]]) -> Any:
        began = clock.monotonic()
        value = await read()
        done = clock.monotonic()
        newer = self._answers.get(key)
        if newer is not None and began < newer.began:
            return value  # and keep that of another room, whose reading began later and ended sooner
        self._answers[key] = _Answer(done + max(seconds, _SHARE * (done - began)), value, began)
        self._answers.move_to_end(key)
        while len(self._answers) > _MOST:
            old, _ = self._answers.popitem(last=False)
            self._locks.pop(old, None)
        return value
