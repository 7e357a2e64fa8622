"""Whatever a broker says, a session hangs up and connects again."""

import asyncio
import ssl
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest

from services.core import mqtt
from services.core.mqtt import Session, SessionConfig
from stack.production import make_certificate
from tests.faults.hostile.odd_broker import ANSWERS
from tests.support.tcp import TcpServer
from tests.support.waiting import eventually

_CONNACK = b"\x20\x03\x00\x00\x00"


class Told:
    """A broker that takes every session and subscription, then says the next odd answer; at last nothing odd."""

    def __init__(self) -> None:
        self.left = list(ANSWERS)
        self.in_peace = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _packet(reader)  # CONNECT
        writer.write(_CONNACK)
        packet_id = (await _packet(reader))[:2]  # SUBSCRIBE
        writer.write(b"\x90\x04" + packet_id + b"\x00\x01")
        if not self.left:
            self.in_peace = True
            await reader.read()
            return
        writer.write(ANSWERS[self.left.pop(0)])
        await writer.drain()
        await asyncio.sleep(0.05)  # some are read before the end, some are only whole with it


async def _packet(reader: asyncio.StreamReader) -> bytes:
    await reader.readexactly(1)
    return await reader.readexactly((await reader.readexactly(1))[0])


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_session_outlives_everything_that_no_broker_should_say(chunked: bool) -> None:
    told = Told()
    async with TcpServer(told.serve) as server:
        url = urlsplit(f"mqtt://127.0.0.1:{server.port}")
        session = Session(SessionConfig.from_url(url, "firetower.test.odd", filters=("a/#",), chunked=chunked))
        running = asyncio.create_task(session.run())
        await eventually(lambda: running.done() or told.in_peace, what="every odd answer heard", timeout_s=60)
        assert not running.done(), running
        await session.ready()
        await session.stop()
        await running


async def test_a_broker_whose_certificate_cannot_be_believed_is_told_once_with_the_cure(tmp_path, monkeypatch) -> None:
    make_certificate(tmp_path, "mqtt.example.org")  # of an authority that nobody here knows
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    told = Mock()
    monkeypatch.setattr(mqtt, "log", told)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        session = Session(SessionConfig.from_url(urlsplit(f"mqtts://127.0.0.1:{port}"), "firetower.test.tls"))
        running = asyncio.create_task(session.run())
        await eventually(lambda: told.info.called, what="a second attempt")
        await session.stop()
        await running
    [warning] = told.warning.call_args_list
    assert warning.args == ("mqtt_tls_failed",)
    assert "CERTIFICATE_VERIFY_FAILED" in warning.kwargs["error"]
    assert "SSL_CERT_FILE" in warning.kwargs["cure"]
