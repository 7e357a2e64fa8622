"""Answers that are the same for everybody with one scope, read once every few seconds. Used by overview routes.

Promises that reading anew takes at most a twentieth of the time in each room, however many screens ask and however
long it takes, and that the desk waits for nobody else's reading.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from services.api.request.turns import ROOM, Room
from services.core.clock import Clock

_MOST = 256
_SHARE = 20
_LONGEST_OLD_S = (
    30.0  # for this long past its time, an answer is still given to those who would have to wait for the next one
)


class Kept:
    """A small store of answers by key; who asks while another of the room reads gets the last answer, or waits."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._locks: dict[Hashable, dict[Room, asyncio.Lock]] = {}

    async def get(self, key: Hashable, seconds: float, clock: Clock, read: Callable[[], Awaitable[Any]]) -> Any:
        """Return the answer kept under `key`, or read it; it is kept for `seconds`, or 20 times as long as it took."""
        lock = self._locks.setdefault(key, {}).setdefault(ROOM.get(), asyncio.Lock())
        last = self._answers.get(key)
        if lock.locked() and last is not None and clock.monotonic() < last[0] + _LONGEST_OLD_S:
            return last[1]
        async with lock:
            began = clock.monotonic()
            found = self._answers.get(key)
            if found is not None and began < found[0]:
                return found[1]
            value = await read()
            done = clock.monotonic()
            self._answers[key] = (done + max(seconds, _SHARE * (done - began)), value)
            self._answers.move_to_end(key)
            while len(self._answers) > _MOST:
                old, _ = self._answers.popitem(last=False)
                self._locks.pop(old, None)
            return value
