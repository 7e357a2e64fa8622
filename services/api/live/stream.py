"""`GET /api/v1/stream`: server-sent events from the hub. One plain response, frames encoded by the hub.

Promises an end after about ten minutes, a `ping` after 15 s of silence, and an end on SIGTERM.
"""

import asyncio
import random
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.api.live.hub import Client, Hub
from services.api.request.auth import Watcher
from services.api.request.described import described
from services.api.request.problems import Problem
from services.api.request.state import Here
from services.core.clock import Clock, rfc3339

router = APIRouter(prefix="/api/v1", tags=["stream"])
KEEP_ALIVE_S = 15.0
LIFE_S = 600.0
STALLED_S = 60.0  # a client that takes nothing for this long is dropped
RETRY_MS = 2000
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventStream(Response):
    """Writes what the hub queues for one client until it leaves, its life is over, or the program ends."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, client: Client, clock: Clock) -> None:
        super().__init__()
        self._hub, self._client, self._clock = hub, client, clock

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Stream."""
        client = self._client
        watching = asyncio.create_task(_watch(receive, client), name="stream disconnect")
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            opening = self._opening()
            end = self._clock.monotonic() + LIFE_S * random.uniform(0.9, 1.1)
            with suppress(TimeoutError):  # stalled: the connection is dropped
                await _hand_over(send, opening)
                await self._write(send, end)
                await _hand_over(send, b"", last=True)
        finally:
            self._hub.leave(client)
            watching.cancel()

    def _opening(self) -> bytes:
        """What was missed, and only behind it the place: a line that breaks between the two must not skip it."""
        return b"".join(
            (
                f": firetower\nretry: {RETRY_MS}\n\n".encode(),
                self._client.take(),
                f"id: {self._hub.place}\n\n".encode(),
            )
        )

    async def _write(self, send: Send, end: float) -> None:
        client = self._client
        while not client.closed and self._clock.monotonic() < end:
            body = client.take()
            if not body:
                try:
                    async with asyncio.timeout(KEEP_ALIVE_S):
                        await client.wake.wait()
                except TimeoutError:
                    body = _ping(self._clock)
                else:
                    continue
            await _hand_over(send, body)


def _head_of_a_stream() -> Response:
    """Return what HEAD is told: the headers of a stream, which has no length."""
    response = Response(headers={name.decode(): value.decode() for name, value in _HEADERS})
    del response.headers["content-length"]
    return response


def _ping(clock: Clock) -> bytes:
    """Return the sign of life of a silent stream: an event, because a browser's EventSource hears no comment."""
    return b'event: ping\ndata: {"now":"%s"}\n\n' % (rfc3339(clock.now()) or "").encode()


async def _hand_over(send: Send, body: bytes, *, last: bool = False) -> None:
    async with asyncio.timeout(STALLED_S):
        await send({"type": "http.response.body", "body": body, "more_body": not last})


async def _watch(receive: Receive, client: Client) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.close()


@router.get(
    "/stream",
    response_class=Response,
    responses={
        200: {
            "description": "`device` {items: […]}, `alarm`, `notice`, `resync`, `ping` {now}",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **{code: text for code, text in described(None, 429).items() if code != 200},
    },
)
async def stream(
    request: Request,
    here: Here,
    who: Watcher,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=100)] = None,
) -> Response:
    """Stream changes as they happen.

    `device` carries `{"items": […]}` with devices that changed, at most four times a second; `alarm` one whole alarm;
    `notice` one notice; `resync` says that something was missed: fetch anew; `ping` that nothing happened for 15 s.
    """
    hub = here.of(Hub)
    if hub.has_too_many(who):
        raise Problem(429, "too_many_streams", "you have too many open streams", headers={"Retry-After": "10"})
    if hub.is_full(who):
        raise Problem(503, "too_many_streams", "too many open streams", headers={"Retry-After": "10"})
    if request.scope["state"].get("head"):
        return _head_of_a_stream()
    return EventStream(hub, hub.join(who, last_event_id), here.clock)
