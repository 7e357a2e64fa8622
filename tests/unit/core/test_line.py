"""Whatever a receiver does to the wire: one fate, nothing raised, no connection to an address that was not checked."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from services.core import outbound
from services.core.answers import Answer, Fate, judge_answer, needs_body
from services.core.line import BODY_S, Line, Request
from services.core.line_connection import MOST_BYTES, MOST_HEAD_BYTES
from services.core.outbound import CheckedAddresses
from services.core.receivers import JsonEquals, SuccessRule
from services.push import verdicts
from tests.support.hostile import DEAD, DELIVERED, RETRIED, HostileReceiver
from tests.support.tcp import TcpServer
from tests.support.waiting import PATIENCE_S, eventually

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
BUSY_S = 8.0  # all receivers at once, on a machine that has other work
FATES = {
    **dict.fromkeys(DELIVERED, Fate.DELIVERED), **dict.fromkeys(RETRIED, Fate.RETRY), **dict.fromkeys(DEAD, Fate.DEAD)
}  # fmt: skip
YES = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def line_to(url: str, *answers: list[str], keep: int = 8, **more: Any) -> tuple[Line, list[str]]:
    """A line whose name server gives these answers in turn, the last one for ever; and what it was asked."""
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    if answers:
        more["resolve"] = resolve
    return Line(url, CheckedAddresses(more.pop("networks", LOOPBACK), **more), keep), asked


async def post(line: Line, timeout_s: float = BUSY_S, url: str | None = None, **headers: Any) -> Answer:
    return await line.ask(Request(url or line.url, headers or {"webhook-id": "x"}, b"{}"), timeout_s)


@pytest.fixture
async def hostile() -> AsyncIterator[HostileReceiver]:
    async with HostileReceiver() as made:
        yield made


class Receiver:
    """Answers every request alike. `heads` is what it was asked, `open` how many connections it has, `made` had."""

    def __init__(self, answer: bytes = YES) -> None:
        self.answer, self.heads, self.open, self.made = answer, list[bytes](), 0, 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open, self.made = self.open + 1, self.made + 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0))
                self.heads.append(head)
                writer.write(self.answer)
                await writer.drain()
        finally:
            self.open -= 1


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    async with TcpServer(made.serve) as server:
        made.port = server.port
        yield made


async def test_every_answer_has_its_documented_fate_once(hostile: HostileReceiver) -> None:
    async def ask(name: str) -> tuple[Fate, str]:
        async with line_to(f"{hostile.url}/{name}")[0] as line:
            answer = await post(line)
        verdict = judge_answer(answer, datetime.now(UTC))
        for text in (answer.words, verdict.error, verdict.incident_id):
            assert text is None or ("\0" not in text and text.encode())
        assert verdict.incident_id is None or 0 < len(verdict.incident_id) <= 200
        assert len(answer.body) <= MOST_BYTES
        return verdict.fate, str(verdicts.judge(answer, datetime.now(UTC)).fate)

    fates = dict(zip(FATES, await asyncio.gather(*(ask(name) for name in FATES)), strict=True))
    assert fates == {name: (fate, str(fate)) for name, fate in FATES.items()}, "119's and a subscriber's"
    assert {name: hostile.count(name) for name in FATES} == dict.fromkeys(FATES, 1)


async def test_an_answer_that_never_begins_is_given_up_by_its_bytes_and_not_by_its_time(
    hostile: HostileReceiver,
) -> None:
    async with line_to(f"{hostile.url}/interim-without-end")[0] as line:
        answer = await post(line, timeout_s=3600)
    assert (answer.status, answer.error) == (None, "the answer broke off or is no HTTP")


async def test_what_was_taken_is_known_without_the_body(hostile: HostileReceiver) -> None:
    for name, incident in (("utf-16", "D-1"), ("id-with-nul", "D-1\N{REPLACEMENT CHARACTER}")):
        async with line_to(f"{hostile.url}/{name}")[0] as line:
            assert judge_answer(await post(line), datetime.now(UTC)).incident_id == incident


async def test_a_body_that_decides_has_the_time_of_the_request_and_any_other_a_second() -> None:
    asked, go_on = list[bytes](), asyncio.Event()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"errcode":')
        await go_on.wait()
        writer.write(b"0 }")
        await writer.drain()

    async with TcpServer(slowly) as server, line_to(f"http://127.0.0.1:{server.port}/")[0] as line:
        assert (await post(line)).body == b'{"errcode":', "what came within a second"
        rule = SuccessRule(json=JsonEquals(path="errcode", equals=0))
        sent = Request(line.url, {}, b"{}")
        task = asyncio.create_task(line.ask(sent, PATIENCE_S, lambda status: needs_body(status, rule)))
        await eventually(lambda: len(asked) == 2, what="the second request")
        await asyncio.sleep(BODY_S + 0.2)  # longer than a body that does not decide is waited for
        go_on.set()
        assert judge_answer(await task, datetime.now(UTC), rule).fate is Fate.DELIVERED


async def test_what_is_no_http_is_quoted_among_the_words_not_in_the_error(hostile: HostileReceiver) -> None:
    async with line_to(f"{hostile.url}/mail-server")[0] as line:
        answer = await post(line)
    assert answer.error == "the answer broke off or is no HTTP"
    assert (answer.words or "").strip() == "220 mail.inner ESMTP"


async def test_a_get_has_no_body_and_says_so(receiver: Receiver) -> None:
    async with line_to(f"http://127.0.0.1:{receiver.port}/beat")[0] as line:
        assert (await line.ask(Request(line.url, {}, b"", "GET"), BUSY_S)).status == 200
    assert receiver.heads[0].startswith(b"GET /beat HTTP/1.1\r\n")
    assert b"content-length" not in receiver.heads[0].lower()


async def test_a_header_that_the_operator_wrote_stands_for_ours_and_never_beside_it(receiver: Receiver) -> None:
    async with line_to(f"http://u:p@127.0.0.1:{receiver.port}/")[0] as line:
        headers = {
            "User-Agent": "mine",
            "ACCEPT": "text/html",
            "Host": "x",
            "Authorization": "x",
            "content-length": "9",
        }
        assert (await post(line, **headers)).status == 200
    lines = receiver.heads[0].lower().split(b"\r\n")
    names = [one.partition(b":")[0] for one in lines[1:] if one]
    assert len(names) == len(set(names))
    assert {b"user-agent: mine", b"accept: text/html", b"authorization: basic dtpw", b"content-length: 2"} <= set(lines)


async def test_nothing_of_an_answer_is_carried_into_the_next_request(receiver: Receiver) -> None:
    ok = b"HTTP/1.1 200 OK\r\n"
    answers = [
        ok + b"set-cookie: a=b\r\ncontent-length: 0\r\n\r\n", ok + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        ok + b"content-length: 9\r\n\r\n{", ok + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 1\r\n\r\nx",
    ]  # fmt: skip
    async with line_to(f"http://127.0.0.1:{receiver.port}/", keep=1)[0] as line:
        for odd in answers:
            receiver.answer = odd
            await post(line)
            receiver.answer = YES
            answer = await post(line)
            assert (answer.status, answer.body, answer.headers) == (200, b"{}", {"content-length": "2"}), odd
    assert len(set(receiver.heads)) == 1, "no cookie and nothing else goes along"


@pytest.mark.parametrize(
    ("begin", "more"),
    [(b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n"), (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")],
    ids=["headers", "interim-answers"],
)
async def test_an_endless_head_is_read_up_to_a_bound(receiver: Receiver, begin: bytes, more: bytes) -> None:
    receiver.answer = begin + more * (MOST_HEAD_BYTES // 5)
    async with line_to(f"http://127.0.0.1:{receiver.port}/")[0] as line:
        answer = await post(line)
    assert (answer.status, answer.error) == (None, "the answer broke off or is no HTTP")


@pytest.mark.parametrize(
    "behind", [b"0\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(500_000)), b"1;" + b"x" * 5_000_000]
)
async def test_what_comes_behind_the_body_is_read_up_to_a_bound(receiver: Receiver, behind: bytes) -> None:
    receiver.answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + behind
    async with line_to(f"http://127.0.0.1:{receiver.port}/")[0] as line:
        answer = await asyncio.wait_for(post(line), BUSY_S)
        assert (answer.status, answer.headers) == (200, {"transfer-encoding": "chunked"})
        await eventually(lambda: receiver.open == 0, what="it is not read to the end")


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
    public = [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], ["64:ff9b::7f00:1"]]
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
            assert (await post(line, timeout_s=PATIENCE_S)).status == 200
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


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "//x", "http://", "http:///x", "http://[::1", "http://h:99999/", "ftp://127.0.0.1/", "http://\ud800/",
        "http://127.0.0.1:1/\n", "http://" + "a" * 300 + "/", "http://消防.invalid/", "http://xn--\u0301/", "http://a..b/",
        "http://127.0.0.1:0/", "http://127.0.0.1:1/" + "a" * 70_000, "http://%00/", "http://1.2.3.4.5.6:8/",
        "http://127.0.0.1:1/ HTTP/1.1\r\nx: y",
    ],
)  # fmt: skip
async def test_an_address_that_is_none_is_an_attempt_with_its_error(url: str) -> None:
    async with line_to(url)[0] as line:
        answer = await post(line, timeout_s=2)
    assert answer.status is None
    assert answer.error


async def test_another_address_of_the_receiver_goes_over_the_same_connection_and_nobody_elses(
    receiver: Receiver,
) -> None:
    origin = f"http://127.0.0.1:{receiver.port}"
    async with line_to(origin)[0] as line:
        for path in ("/one", "/two?a=b"):
            assert (await post(line, url=f"{origin}{path}")).status == 200
        assert [head.split()[1] for head in receiver.heads] == [b"/one", b"/two?a=b"]
        assert receiver.made == 1
        for other in (f"http://127.0.0.2:{receiver.port}/", "http://127.0.0.1:1/?k=t0ken", "https://127.0.0.1/", "x:"):
            answer = await post(line, url=other)
            assert answer.status is None
            assert "t0ken" not in str(answer.error)
    assert len(receiver.heads) == 2


async def test_what_would_be_a_header_of_its_own_is_not_sent(receiver: Receiver) -> None:
    async with line_to(f"http://127.0.0.1:{receiver.port}/")[0] as line:
        for headers in ({"x": "a\r\nb: c"}, {"x": "保德"}, {"a b": "c"}, {"": "x"}, {"x\0": "y"}, {"x": 1001}):
            answer = await line.ask(Request(line.url, headers, b"{}"), BUSY_S)  # type: ignore[arg-type]
            assert answer.status is None, headers
            assert answer.error
    assert receiver.heads == []


async def test_a_secret_of_the_address_goes_out_as_basic_and_stands_in_no_error(receiver: Receiver) -> None:
    async with line_to(f"http://u:pa55word@127.0.0.1:{receiver.port}/")[0] as line:
        assert (await post(line)).status == 200
    assert b"authorization: basic dtpwytu1d29yza==" in receiver.heads[0].lower()
    async with line_to("nohttp://u:pa55word@h/?k=t0ken")[0] as line:
        assert "pa55word" not in ((await post(line)).error or "")
