"""Wait for a condition instead of sleeping and hoping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0  # how long a busy machine may take; what must be quick is measured by the benches, not by tests


async def eventually(
    condition: Callable[[], Awaitable[T] | T], *, what: str, timeout_s: float = PATIENCE_S, every_s: float = 0.02
) -> T:
    """Return the first true answer of `condition`; fail naming `what` when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        answer: T = await found if inspect.isawaitable(found) else found
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(every_s)
