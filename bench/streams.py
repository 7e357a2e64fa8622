"""Opens streams of the API as that many browsers would, and notes when each got which change.

Called by `bench.api`. Promises: a client looks at its bytes once, so that the measured program is the slow part; every
change counts at every client that got it. A stalled client opens its stream and never reads.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

import orjson

OPEN_TIMEOUT_S = 60.0
_FRAME_END = b"\n\n"


class Frames:
    """The device frames of all clients, each kept once: the bytes are the same for everybody."""

    def __init__(self) -> None:
        self._bodies: dict[bytes, bytes] = {}

    def add(self, place: bytes, body: bytes) -> None:
        """Keep a frame that was not seen yet."""
        self._bodies.setdefault(place, body)

    def taken_s(self, place: bytes) -> list[float]:
        """Return when the newest reading of each device in the frame was taken (published), as Unix seconds."""
        return [
            max(datetime.fromisoformat(field["ts"]).timestamp() for field in item["state"].values())
            for item in orjson.loads(self._bodies[place])["items"]
            if item["state"]
        ]


class Browser(asyncio.Protocol):
    """One open stream."""

    def __init__(self, frames: Frames, request: bytes, *, stalled: bool) -> None:
        self.arrivals: list[tuple[bytes, float]] = []  # place of a device frame, Unix seconds
        self.bytes = self.resyncs = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False
        self._frames, self._request, self._stalled = frames, request, stalled
        self._rest: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note the frames that are whole now."""
        now_s = time.time()
        self.bytes += len(data)
        if not self.opened.done():
            self.opened.set_result(None)
            if self._stalled and self._transport is not None:
                self._transport.pause_reading()
        self._rest.append(data)
        if not data.endswith(b"\n\n\r\n"):  # the end of a frame is the end of a chunk
            return
        text = b"".join(self._rest)
        self._rest.clear()
        for frame in text.split(_FRAME_END):
            self._note(frame, now_s)

    def _note(self, frame: bytes, now_s: float) -> None:
        at = frame.find(b"event: ")
        if at < 0:
            return
        lines = frame[at:].split(b"\n", 2)
        if lines[0] == b"event: resync":
            self.resyncs += 1
        elif lines[0] == b"event: device":
            place = lines[1]
            self.arrivals.append((place, now_s))
            self._frames.add(place, lines[2].removeprefix(b"data: "))

    def connection_lost(self, exc: Exception | None) -> None:
        """The API or we ended it."""
        self.lost = True
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("the API closed the stream"))

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.abort()


@asynccontextmanager
async def browsers(api: str, key: str, frames: Frames, *, count: int, stalled: int) -> AsyncIterator[Sequence[Browser]]:
    """Open `count` streams, the first `stalled` of which never read."""
    address = urlsplit(api)
    request = f"GET /api/v1/stream HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    opened: list[Browser] = []
    try:
        for number in range(count):
            browser = Browser(frames, request, stalled=number < stalled)
            await loop.create_connection(lambda browser=browser: browser, address.hostname or "", address.port or 80)  # type: ignore[misc]
            opened.append(browser)
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await asyncio.gather(*(browser.opened for browser in opened))
        yield opened
    finally:
        for browser in opened:
            browser.close()


def delays_s(reading: Sequence[Browser], frames: Frames, since_s: float) -> list[float]:
    """Return how long every change took to every client, for readings taken after `since_s`; in order."""
    taken: dict[bytes, list[float]] = {}
    delays: list[float] = []
    for browser in reading:
        for place, at_s in browser.arrivals:
            if place not in taken:
                taken[place] = [one for one in frames.taken_s(place) if one >= since_s]
            delays.extend(at_s - one for one in taken[place])
    delays.sort()
    return delays


async def keep_open(api: str, api_key: str) -> None:
    """Hold one stream open until cancelled and read it to the end, again and again; what it says is not kept."""
    host, port = urlsplit(api).hostname, urlsplit(api).port
    request = f"GET /api/v1/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {api_key}\r\n\r\n".encode()
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(1)
            continue
        try:
            writer.write(request)
            while await reader.read(2**16):
                pass
        except OSError:
            await asyncio.sleep(1)
        finally:
            writer.close()
