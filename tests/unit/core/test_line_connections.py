"""The connections of a line: which address they go to, which are used again, and which are not left open."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network

import pytest

from services.core import outbound
from tests.support.lines import YES, Receiver, line_to, post, receiving
from tests.support.tcp import TcpServer
from tests.support.waiting import eventually


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def test_connections_are_used_again_and_no_more_are_kept_than_allowed(receiver: Receiver) -> None:
    async with line_to(f"http://127.0.0.1:{receiver.port}/hook?a=%20b", keep=2)[0] as line:
        for _ in range(5):
            assert (await post(line)).status == 200
        assert receiver.made == 1
        await asyncio.gather(*(post(line) for _ in range(6)))
        await eventually(lambda: receiver.open == 2, what="no more than two stay")
    await eventually(lambda: receiver.open == 0, what="the line is closed")
    lines = receiver.heads[0].lower().split(b"\r\n")
    assert lines[0] == b"post /hook?a=%20b http/1.1"
    assert {b"host: 127.0.0.1:%d" % receiver.port, b"accept-encoding: identity", b"content-length: 2"} <= set(lines)


@pytest.mark.parametrize(
    "answer", [YES + YES, YES + b"x", b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"]
)
async def test_a_connection_with_more_than_one_answer_is_not_used_again(receiver: Receiver, answer: bytes) -> None:
    receiver.answer = answer
    async with line_to(f"http://127.0.0.1:{receiver.port}/")[0] as line:
        for _ in range(3):
            assert (await post(line)).status == 200
    assert receiver.made == 3


@pytest.mark.parametrize("scheme", ["http", "https"])  # the latter waits for its handshake
async def test_a_request_that_is_given_up_leaves_no_connection(scheme: str) -> None:
    came, gone = list[bytes](), list[bool]()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1000):
            came.append(piece)
        gone.append(True)

    async with TcpServer(silent) as server, line_to(f"{scheme}://127.0.0.1:{server.port}/")[0] as line:
        assert (await post(line, timeout_s=0.5)).error == "no answer within 0.5 s"
        await eventually(lambda: gone, what="what ran out of time is closed")
        came.clear()
        task = asyncio.create_task(post(line))
        await eventually(lambda: came, what="the request is under way")
        task.cancel()
        await asyncio.wait([task])
        await eventually(lambda: len(gone) == 2, what="what was cancelled is closed")


async def test_the_address_that_was_checked_is_the_one_that_is_called_under_its_name(receiver: Receiver) -> None:
    url = f"http://hook.example:{receiver.port}/x?y=1"
    line, asked = line_to(url, ["127.0.0.1"], ["8.8.8.8"], networks=(ip_network("127.0.0.1/32"),))
    async with line:
        assert (await post(line)).status == 200
        assert (await post(line)).status == 200
    assert asked == ["hook.example"], "what the name says a moment later is not believed"
    assert f"host: hook.example:{receiver.port}\r\n".encode() in receiver.heads[0].lower()


async def test_a_name_that_leads_inside_is_refused_before_a_connection(receiver: Receiver) -> None:
    public = [["127.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], ["64:ff9b::7f00:1"]]
    for answers in public:
        async with line_to(f"http://rebound.example:{receiver.port}/", answers, networks=())[0] as line:
            assert "FIRETOWER_SUBSCRIPTION_NETWORKS" in ((await post(line)).error or ""), answers
    for host in ("127.0.0.1", "[::1]", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
        async with line_to(f"http://{host}:{receiver.port}/", networks=())[0] as line:
            assert (await post(line)).status is None, host
    assert receiver.made == 0


async def test_a_name_that_moves_inside_is_refused_when_it_is_asked_again(receiver: Receiver) -> None:
    url, open_ = f"http://rebound.example:{receiver.port}/", (ip_network("127.0.0.1/32"),)
    line, asked = line_to(url, ["127.0.0.1"], ["127.0.0.2"], networks=open_, keep=0, remembered_s=0.0)
    async with line:
        assert (await post(line)).status == 200
        assert "loopback" in ((await post(line)).error or "")
    assert (len(asked), receiver.made) == (2, 1)


async def test_the_next_address_is_asked_when_one_does_not_answer(receiver: Receiver) -> None:
    async with line_to(f"http://two.example:{receiver.port}/", ["127.0.0.2", "127.0.0.1"])[0] as line:
        assert (await post(line)).status == 200
    assert receiver.made == 1


@contextmanager
def nobody(address: str, port: int) -> Iterator[None]:
    """An address that says nothing to who connects: its queue is full, so the kernel drops what comes."""
    with socket.socket() as listening, ExitStack() as stack:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


async def test_addresses_that_never_answer_hold_up_none_behind_them(receiver: Receiver) -> None:
    dead = [f"127.0.0.{number}" for number in range(2, 7)]
    with ExitStack() as stack:
        for address in dead:
            stack.enter_context(nobody(address, receiver.port))
        async with line_to(f"http://many.example:{receiver.port}/", [*dead, "127.0.0.1"])[0] as line:
            assert (await post(line)).status == 200
        assert receiver.made == 1
        async with line_to(f"http://dead.example:{receiver.port}/", dead)[0] as line:
            assert (await post(line, timeout_s=0.5)).error == "no answer within 0.5 s"
    refusing = [f"127.0.0.{number}" for number in range(2, 5)]
    async with line_to(f"http://none.example:{receiver.port}/", refusing)[0] as line:
        assert "refused" in ((await post(line)).error or "").lower()


async def test_after_one_connection_without_an_answer_no_other_is_trusted() -> None:
    silent, made = asyncio.Event(), list[int]()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append(1)
        old = not silent.is_set()
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
            if old and silent.is_set():
                await asyncio.sleep(3600)  # as a server that lost its power
            writer.write(YES)

    async with TcpServer(once) as server, line_to(f"http://127.0.0.1:{server.port}/")[0] as line:
        await asyncio.gather(*(post(line) for _ in range(3)))
        assert len(made) == 3
        silent.set()
        assert (await post(line, timeout_s=0.5)).status is None
        assert (await post(line)).status == 200
        assert len(made) == 4


async def test_the_certificate_asked_for_is_the_names() -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1024))
        writer.write(b"no TLS here\r\n")
        await writer.drain()

    async with TcpServer(listen) as server, line_to(f"https://named.example:{server.port}/", ["127.0.0.1"])[0] as line:
        assert "SSL" in ((await post(line)).error or "")
    assert b"named.example" in heard[0]
    assert outbound.tls().verify_mode is ssl.CERT_REQUIRED
    assert outbound.tls().check_hostname


async def test_a_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with line_to(f"http://127.0.0.1:{receiver.port}/")[0] as line:
        assert (await post(line)).status == 200
