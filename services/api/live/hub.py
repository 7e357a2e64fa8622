"""One hub per process hands changes to every open stream: encoded once, bounded per client, never waiting for one.

Fed by `feed`, read by `stream`, looked through by `rights`. Promises that a client that falls behind is told to
fetch anew (`resync`), that nobody gets what lies outside their areas, and that no caller takes the desk's places.
"""

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.api.request.roles import Who
from services.api.request.scope import Scope
from services.core.metrics import RESYNCS, STREAMS

# What may wait for one client. A frame is one alarm or up to 1000 devices, so the bound is in bytes.
MAX_FRAMES = 2000
MAX_WAITING_BYTES = 4 * 1024 * 1024
REMEMBERED, REMEMBERED_BYTES = 1000, 16 * 1024 * 1024  # batches kept for a client that comes back
MAX_CLIENTS = 2000
DESK_CLIENTS = 500  # of those, kept for who works at the desk and for the walls of duty rooms
MAX_OF_PERSON = 100
MAX_OF_KEY = 400  # a platform may show us on many screens
RESYNC = b"event: resync\ndata: {}\n\n"


class Part(NamedTuple):
    """One changed thing, encoded, and the area it belongs to (None: the county)."""

    area: str | None
    body: bytes


class Batch:
    """Changes of one kind that go out together. A frame is made once for each scope that anybody has."""

    def __init__(self, place: str, event: str, parts: Sequence[Part], *, listed: bool) -> None:
        self._head = f"event: {event}\nid: {place}\ndata: ".encode()
        self._parts = parts
        self._listed = listed
        self.size_bytes = sum(len(part.body) for part in parts)
        self._frames: dict[tuple[str, ...], bytes] = {}

    def frame(self, scope: Scope) -> bytes:
        """Return the frame for `scope`; empty when nothing in it is theirs."""
        frame = self._frames.get(scope.areas)
        if frame is None:
            bodies = [part.body for part in self._parts if scope.covers(part.area)]
            inner = b",".join(bodies)
            if not bodies:
                frame = b""
            elif self._listed:
                frame = b"".join((self._head, b'{"items":[', inner, b"]}\n\n"))
            else:
                frame = b"".join((self._head, inner, b"\n\n"))
            self._frames[scope.areas] = frame
        return frame


class Client:
    """One open stream: a bounded queue that the hub fills without waiting."""

    def __init__(self, who: Who) -> None:
        self.who = who
        self.scope = who.scope
        self.closed = False
        self.wake = asyncio.Event()
        self._frames: deque[bytes] = deque()
        self._bytes = 0

    def offer(self, frame: bytes) -> None:
        """Queue a frame, or replace all that waits by one `resync`."""
        if len(self._frames) >= MAX_FRAMES or self._bytes + len(frame) > MAX_WAITING_BYTES:
            if self._frames and self._frames[-1] is RESYNC:
                return
            RESYNCS.inc()
            self._frames.clear()
            self._bytes = 0
            frame = RESYNC
        self._frames.append(frame)
        self._bytes += len(frame)
        self.wake.set()

    def take(self) -> bytes:
        """Return all that waits, as one piece."""
        taken = b"".join(self._frames)
        self._frames.clear()
        self._bytes = 0
        self.wake.clear()
        return taken

    def close(self) -> None:
        """End the stream soon."""
        self.closed = True
        self.wake.set()


class Hub:
    """Every open stream of this process, and the last batches for those who come back."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)
        self._number = 0
        self._clients: set[Client] = set()
        self._by_caller: Counter[str] = Counter()
        self._batches: deque[tuple[int, Batch]] = deque()
        self._remembered_bytes = 0
        self._closed = False
        self.joined = asyncio.Event()  # somebody is there

    @property
    def listened_to(self) -> bool:
        """Whether anybody is there."""
        return bool(self._clients)

    @property
    def clients(self) -> Sequence[Client]:
        """Return the open streams."""
        return tuple(self._clients)

    def has_too_many(self, who: Who) -> bool:
        """Whether this caller has as many streams as one may have."""
        return self._by_caller[who.actor] >= (MAX_OF_KEY if who.person_id is None else MAX_OF_PERSON)

    def is_full(self, who: Who) -> bool:
        """Whether there is no place for this caller; others leave some for the desk."""
        return len(self._clients) >= (MAX_CLIENTS if who.at_desk else MAX_CLIENTS - DESK_CLIENTS)

    @property
    def place(self) -> str:
        """Where the stream stands, as it goes into `id:`."""
        return f"{self._epoch}-{self._number}"

    def join(self, who: Who, last_place: str | None) -> Client:
        """Open a stream; what was missed since `last_place` is queued, or a `resync` when that is too long ago."""
        client = Client(who)
        if last_place is not None:
            missed = self._missed(last_place)
            if missed is None:
                client.offer(RESYNC)
            else:
                for batch in missed:
                    if frame := batch.frame(who.scope):
                        client.offer(frame)
        self._clients.add(client)
        self._by_caller[who.actor] += 1
        STREAMS.set(len(self._clients))
        self.joined.set()
        if self._closed:
            client.close()
        return client

    def leave(self, client: Client) -> None:
        """Forget a stream. With nobody left nothing is read, so whoever comes back must fetch anew."""
        if client not in self._clients:
            return
        self._clients.remove(client)
        self._by_caller[client.who.actor] -= 1
        if not self._clients:
            self._by_caller.clear()
            self.joined.clear()
            self._forget()
        STREAMS.set(len(self._clients))

    def publish(self, event: str, parts: Sequence[Part], *, listed: bool = False) -> None:
        """Hand changes to every client whose areas they lie in."""
        self._number += 1
        batch = Batch(self.place, event, parts, listed=listed)
        self._batches.append((self._number, batch))
        self._remembered_bytes += batch.size_bytes
        while len(self._batches) > REMEMBERED or self._remembered_bytes > REMEMBERED_BYTES:
            self._remembered_bytes -= self._batches.popleft()[1].size_bytes
        for client in self._clients:
            if frame := batch.frame(client.scope):
                client.offer(frame)

    def resync(self) -> None:
        """Tell everybody to fetch anew."""
        self._forget()
        for client in self._clients:
            client.offer(RESYNC)

    def close(self) -> None:
        """End every stream, and refuse those that come later."""
        self._closed = True
        for client in self._clients:
            client.close()

    def _forget(self) -> None:
        self._epoch = secrets.token_hex(4)  # who comes back with an earlier place has missed something
        self._batches.clear()
        self._remembered_bytes = 0

    def _missed(self, last_place: str) -> Iterable[Batch] | None:
        epoch, _, number = last_place.partition("-")
        if epoch != self._epoch or not number.isascii() or not number.isdigit():
            return None
        last = int(number)
        oldest = self._batches[0][0] if self._batches else self._number + 1
        if last > self._number or last + 1 < oldest:
            return None
        return [batch for n, batch in self._batches if n > last]
