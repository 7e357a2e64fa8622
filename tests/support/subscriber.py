"""A subscriber as somebody else would write it: the packages `cloudevents` and `standardwebhooks`, and nothing of ours.

A real TCP server that keeps its connections. It answers 204 to what it could verify and read, or what `answer` says.
"""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook

from tests.support.tcp import TcpServer

SECRET = "whsec_" + "YSBzZWNyZXQgb2Ygb25lIHN1YnNjcmliZXIgYWxvbmU="


@dataclass(frozen=True, slots=True)
class Received:
    """One request that was verified: its id, content type, body, and the CloudEvent if it is one."""

    id: str
    kind: str
    body: bytes
    event: Any
    signatures: int
    path: str


class Subscriber:
    """Takes what is posted. `took` is what was answered with 2xx, `heard` everything, in order.

    While `may_answer` is not set, it has made up its mind and keeps it to itself.
    """

    def __init__(self, secret: str = SECRET) -> None:
        self.secret = secret
        self.url = ""
        self.took: list[Received] = []
        self.heard: list[Received] = []
        self.refused: list[str] = []  # what no receiver would have accepted: why
        self.answer: Callable[[Received], int | bytes] = lambda _: 204  # a status, or a whole head
        self.connections = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.dripping = False  # a byte a second, and never a whole status line
        self._server = TcpServer(self._serve)

    def ids(self) -> list[str]:
        """The ids of what was taken, each once."""
        return list(dict.fromkeys(one.id for one in self.took))

    def subjects(self) -> dict[str, list[int]]:
        """The sequence numbers that came of each subject, each once, as they came."""
        found: dict[str, list[int]] = {}
        seen: set[str] = set()
        for one in self.took:
            if one.id not in seen:
                seen.add(one.id)
                found.setdefault(one.event.get_subject(), []).append(int(one.event.get_extension("sequence")))
        return found

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen; after `close` at the same port."""
        await self._server.open()
        self.url = f"http://127.0.0.1:{self._server.port}/hook"

    async def close(self) -> None:
        """Be away: no connection stays and none is accepted."""
        await self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value.strip() for name, _, value in lines}
            body = await reader.readexactly(int(headers["content-length"]))
            if self.dripping:
                for letter in itertools.chain(b"HTTP/1.1 204 N", itertools.repeat(ord("o"))):
                    writer.write(bytes([letter]))
                    await writer.drain()
                    await asyncio.sleep(1)
            status = self._judge(head.split(" ")[1], headers, body)
            if isinstance(status, int):
                status = f"HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n".encode()
            await self.may_answer.wait()
            writer.write(status)
            await writer.drain()

    def _judge(self, path: str, headers: dict[str, str], body: bytes) -> int | bytes:
        kind = headers["content-type"]
        try:
            Webhook(self.secret).verify(body, headers, json_parse=False)
            is_event = kind.startswith("application/cloudevents")
            event = from_http_event(HTTPMessage(headers=headers, body=body)) if is_event else None
        except Exception as error:  # noqa: BLE001 - a receiver says no to whatever it cannot read
            self.refused.append(repr(error))
            return 400
        signatures = len(headers["webhook-signature"].split())
        one = Received(headers["webhook-id"], kind, body, event, signatures, path)
        self.heard.append(one)
        status = self.answer(one)
        if isinstance(status, int) and 200 <= status < 300:
            self.took.append(one)
        return status
