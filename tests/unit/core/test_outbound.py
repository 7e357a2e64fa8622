import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_network

import httpx2
import pytest

from services.core.outbound import AddressRefused, GuardedTransport, refusal, refusal_of_url, resolve
from tests.support.tcp import TcpServer

PUBLIC = ("8.8.8.8", "114.114.114.114", "2400:3200::1", "64:ff9b::808:808")
NOT_PUBLIC = (
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",  # noqa: S104
    "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
    "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2002:7f00:1::", "2002:a00:1::1", "::127.0.0.1", "::a00:1", "::ffff:0:127.0.0.1", "192.0.0.192", "192.88.99.1",
    "fec0::1", "5f00::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    assert refusal(address, ()) is None


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_refused_however_it_is_spelt(address: str) -> None:
    why = refusal(address, ())
    assert why is not None
    assert "FIRETOWER_SUBSCRIPTION_NETWORKS" in why


def test_a_named_network_is_open_and_no_other() -> None:
    networks = (ip_network("10.20.0.0/16"), ip_network("::1/128"))
    for address in ("10.20.3.4", "::ffff:10.20.3.4", "64:ff9b::a14:304", "::1"):
        assert refusal(address, networks) is None, address
    for address in ("10.21.0.1", "127.0.0.1", "::ffff:10.21.0.1"):
        assert refusal(address, networks) is not None, address


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("127.0.0.1", True), ("127.1", True), ("2130706433", True), ("0x7f000001", True),
        ("[::1]", True), ("[::ffff:7f00:1]", True), ("localhost", True), ("x.localhost", True), ("LOCALHOST", True),
        ("localhost.", True), ("x.localhost.", True), ("127.0.0.1.", True), ("sms.example.", False),
        ("8.8.8.8", False), ("sms.example", False), ("消防.cn", False),
    ],
)  # fmt: skip
def test_an_address_that_is_written_as_a_number_is_known_at_once(host: str, refused: bool) -> None:
    assert (refusal_of_url(f"http://{host}:8000/x", ()) is not None) is refused


class Receiver:
    """A server that answers 200 and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    async with TcpServer(made.answer) as server:
        made.port = server.port
        yield made


def names(*answers: list[str]) -> tuple[list[str], "Resolver"]:
    asked: list[str] = []
    return asked, Resolver(list(answers), asked)


class Resolver:
    """Answers for every name in turn, as a name server that changes its mind does."""

    def __init__(self, answers: list[list[str]], asked: list[str]) -> None:
        self._answers = answers
        self._asked = asked

    async def __call__(self, host: str, port: int) -> list[str]:
        self._asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def post(resolver: Resolver, url: str, *networks: str) -> httpx2.Response:
    transport = GuardedTransport([ip_network(one) for one in networks], resolver)
    async with httpx2.AsyncClient(transport=transport, timeout=5) as client:
        return await client.post(url, content=b"{}", extensions={})


async def test_the_address_that_was_checked_is_the_one_that_is_called_under_its_name(receiver: Receiver) -> None:
    asked, resolver = names(["127.0.0.1"], ["127.0.0.9"])
    answer = await post(resolver, f"http://hook.example:{receiver.port}/x?y=1", "127.0.0.1/32")
    assert answer.status_code == 302, "a redirect is never followed"
    assert asked == ["hook.example"], "resolved once: what the name says a moment later is not believed"
    assert receiver.asked[0].startswith(b"POST /x?y=1 HTTP/1.1\r\n")
    assert f"host: hook.example:{receiver.port}\r\n".encode() in receiver.asked[0].lower()


async def test_a_name_that_leads_inside_is_refused_before_a_connection(receiver: Receiver) -> None:
    for answers in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]):
        _, resolver = names(answers)
        with pytest.raises(AddressRefused):
            await post(resolver, f"http://rebound.example:{receiver.port}/")
    assert receiver.asked == []


async def test_the_next_address_is_asked_when_one_does_not_answer(receiver: Receiver) -> None:
    _, resolver = names(["127.0.0.2", "127.0.0.1"])
    answer = await post(resolver, f"http://two.example:{receiver.port}/", "127.0.0.0/8")
    assert answer.status_code == 302
    assert len(receiver.asked) == 1


async def test_the_certificate_asked_for_is_the_names() -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1024))
        writer.write(b"no TLS here\r\n")

    _, resolver = names(["127.0.0.1"])
    async with TcpServer(listen) as server:
        with pytest.raises((httpx2.TransportError, ssl.SSLError)):
            await post(resolver, f"https://named.example:{server.port}/", "127.0.0.0/8")
    assert b"named.example" in heard[0]


async def test_a_real_name_is_resolved_without_the_loops_own_threads() -> None:
    assert "127.0.0.1" in await resolve("localhost", 80)
    with pytest.raises(socket.gaierror):
        await resolve("no-such-name.invalid", 80)
