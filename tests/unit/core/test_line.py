"""Whatever a receiver does to the wire: one fate, and nothing raised."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from services.core.answers import Fate, judge_answer, needs_body
from services.core.line import BODY_S, Request
from services.core.line_connection import MOST_BYTES, MOST_HEAD_BYTES
from services.core.receivers import JsonEquals, SuccessRule
from services.push import verdicts
from tests.support.hostile import DEAD, DELIVERED, RETRIED, HostileReceiver
from tests.support.lines import YES, Receiver, line_to, post, receiving
from tests.support.tcp import TcpServer
from tests.support.waiting import PATIENCE_S, eventually

SILENCE_S = 3.0  # until one that never answers is given up
FATES = {
    **dict.fromkeys(DELIVERED, Fate.DELIVERED), **dict.fromkeys(RETRIED, Fate.RETRY), **dict.fromkeys(DEAD, Fate.DEAD)
}  # fmt: skip


@pytest.fixture
async def hostile() -> AsyncIterator[HostileReceiver]:
    async with HostileReceiver() as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def test_every_answer_has_its_documented_fate_once(hostile: HostileReceiver) -> None:
    async def ask(name: str) -> tuple[Fate, str]:
        async with line_to(f"{hostile.url}/{name}")[0] as line:
            answer = await post(line, SILENCE_S if name in RETRIED else PATIENCE_S)
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
        assert (await line.ask(Request(line.url, {}, b"", "GET"), PATIENCE_S)).status == 200
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
        answer = await asyncio.wait_for(post(line), PATIENCE_S)
        assert (answer.status, answer.headers) == (200, {"transfer-encoding": "chunked"})
        await eventually(lambda: receiver.open == 0, what="it is not read to the end")


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
            answer = await line.ask(Request(line.url, headers, b"{}"), PATIENCE_S)  # type: ignore[arg-type]
            assert answer.status is None, headers
            assert answer.error
    assert receiver.heads == []


async def test_a_secret_of_the_address_goes_out_as_basic_and_stands_in_no_error(receiver: Receiver) -> None:
    async with line_to(f"http://u:pa55word@127.0.0.1:{receiver.port}/")[0] as line:
        assert (await post(line)).status == 200
    assert b"authorization: basic dtpwytu1d29yza==" in receiver.heads[0].lower()
    async with line_to("nohttp://u:pa55word@h/?k=t0ken")[0] as line:
        assert "pa55word" not in ((await post(line)).error or "")
