"""A push service and a browser as somebody else would write them: the packages `http-ece` and `py-vapid`, none of ours.

A real TCP server. It answers 201 to what it could verify, or what `answer` says; the browser reads with its own key.
"""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from typing import Any, Self

import http_ece
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from tests.support.tcp import TcpServer


def as_text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


class Phone:
    """The keys of one browser."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.p256dh = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.auth = os.urandom(16)

    def read(self, body: bytes) -> dict[str, Any]:
        """Return the message in a body that was encrypted for this browser."""
        plain = http_ece.decrypt(body, private_key=self._key, auth_secret=self.auth, version="aes128gcm")
        found: dict[str, Any] = orjson.loads(plain)
        return found


class PushService:
    """`came` is every request with its headers; `told` what each path's phone could read."""

    def __init__(self) -> None:
        self.phones: dict[str, Phone] = {}
        self.came: list[tuple[str, dict[str, str]]] = []
        self.told: dict[str, list[dict[str, Any]]] = {}
        self.refused: list[str] = []
        self.answer: Callable[[str], int] = lambda _: 201
        self.silent = False
        self.origin = ""
        self._server = TcpServer(self._serve)

    def register(self, name: str) -> tuple[str, Phone]:
        """Return a new endpoint and the phone behind it."""
        self.phones[f"/{name}"] = phone = Phone()
        return f"{self.origin}/{name}", phone

    def titles(self, name: str) -> list[str]:
        """What this phone showed, in order."""
        return [message["title"] for message in self.told.get(f"/{name}", [])]

    async def __aenter__(self) -> Self:
        await self._server.open()
        self.origin = f"http://127.0.0.1:{self._server.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value.strip() for name, _, value in lines}
            body = await reader.readexactly(int(headers["content-length"]))
            path = head.split(" ")[1]
            self.came.append((path, headers))
            if self.silent:
                await asyncio.Event().wait()
            status = self._judge(path, headers, body)
            writer.write(f"HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()

    def _judge(self, path: str, headers: dict[str, str], body: bytes) -> int:
        status = self.answer(path)
        if status >= 300:
            return status
        try:
            assert Vapid02.verify(headers["authorization"]), "the signature"
            token = headers["authorization"].split("t=")[1].split(".")[1]
            claims = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            assert claims["aud"] == self.origin
            assert time.time() < claims["exp"] < time.time() + 86_400
            assert claims["sub"].startswith(("mailto:", "https:"))
            assert headers["content-encoding"] == "aes128gcm"
            assert headers["urgency"] == "high"
            assert int(headers["ttl"]) > 0
            self.told.setdefault(path, []).append(self.phones[path].read(body))
        except Exception as error:  # noqa: BLE001 - a service and a browser refuse whatever they cannot read
            self.refused.append(repr(error))
            return 400
        return status
