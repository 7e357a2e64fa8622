"""Reads a request's whole body, within limits, before the request gets a connection. Used by the gate."""

import asyncio

from starlette.types import Message, Receive

from services.api.request.problems import Problem

BODY_S = 20.0
IMPORT_S = 120.0


def too_large(limit: int) -> Problem:
    """Return the refusal of a body beyond its bound."""
    return Problem(413, "too_large", f"the body is larger than {limit} bytes", headers={"Connection": "close"})


async def receive_whole(receive: Receive, limit: int, within_s: float) -> Receive:
    """Return what gives the body, now whole, and then listens for the client's leaving as before.

    Raises:
        Problem: 413, larger than `limit` bytes; 408, not whole within `within_s`.
    """
    messages, taken = [], 0
    try:
        async with asyncio.timeout(within_s):
            while True:
                message = await receive()
                taken += len(message.get("body", b""))
                if taken > limit:
                    raise too_large(limit)
                messages.append(message)
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise Problem(
            408, "body_late", f"the body did not come within {within_s:g} s", headers={"Connection": "close"}
        ) from None
    messages.reverse()

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
