"""Waits for our programs after their start, and says what hinders whom meanwhile.

Called by `stack.up`. Promises: one program that cannot start holds up nobody but those who cannot do without it.
"""

import asyncio
from collections.abc import Sequence

from stack.screen import Screen
from stack.supervise import Child

REQUIRED = frozenset({"ingest", "api"})  # without these nobody is told that the system is ready (contract, section 1)
_TELL_EVERY_S = 10
_OTHERS_WITHIN_S = 30
_ENOUGH_FALLS = 2


async def wait_until_serving(waiting: Sequence[Child], screen: Screen) -> None:
    """Wait until every child is ready; one that is not required is left to its supervision when it falls or is late."""
    clock = asyncio.get_running_loop().time
    began = told = clock()
    left, falls = list(waiting), dict.fromkeys((child.name for child in waiting), 0)
    while left:
        for child in list(left):
            if child.falls > falls[child.name]:
                if falls[child.name] == 0:
                    screen.step(f"{child.name} ended and is started again: {child.last_words()}")
                falls[child.name] = child.falls
            elif child.process is not None and child.exit_code() is None and await asyncio.to_thread(child.is_ready):
                left.remove(child)
                screen.step(f"{child.name} is ready")
        required = [child for child in left if child.name in REQUIRED]
        late = clock() - began > _OTHERS_WITHIN_S
        if not required and all(late or falls[child.name] >= _ENOUGH_FALLS for child in left):
            break
        if clock() - told > _TELL_EVERY_S:
            told = clock()
            for child in left:
                screen.step(await asyncio.to_thread(_what_hinders, child))
        await asyncio.sleep(0.03)
    for child in left:
        screen.step(await asyncio.to_thread(_what_hinders, child) + "; the others go on without it")


def _what_hinders(child: Child) -> str:
    why = child.hindrance() or "it has only just begun"
    return f"{child.name} is not ready ({why}); it wrote last: {child.last_words()}"
