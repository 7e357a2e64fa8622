"""Answers that are the same for everybody of one scope, read once for some seconds. Used by overview routes."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

_MOST = 256


class Kept:
    """A small store of answers by key; who asks while an answer is being read waits for it."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._locks: dict[Hashable, asyncio.Lock] = {}

    async def get(self, key: Hashable, seconds: float, now: float, read: Callable[[], Awaitable[Any]]) -> Any:
        """Return the answer kept under `key` if it is younger than `seconds`, else read it."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            found = self._answers.get(key)
            if found is not None and now - found[0] < seconds:
                return found[1]
            value = await read()
            self._answers[key] = (now, value)
            self._answers.move_to_end(key)
            while len(self._answers) > _MOST:
                old, _ = self._answers.popitem(last=False)
                self._locks.pop(old, None)
            return value
