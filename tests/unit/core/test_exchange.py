"""Whatever a receiver does to the wire: one fate, and nothing raised."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2
import pytest

from services.core.answers import Answer, Fate, Verdict, judge_answer, needs_body
from services.core.exchange import Request, exchange, open_client
from services.core.receivers import SuccessRule
from tests.support.hostile import DEAD, DELIVERED, RETRIED, HostileReceiver

TIMEOUT_S = 1.0
BUSY_S = 6.0  # all receivers at once, on a machine that has other work
FATES = {
    **dict.fromkeys(DELIVERED, Fate.DELIVERED), **dict.fromkeys(RETRIED, Fate.RETRY), **dict.fromkeys(DEAD, Fate.DEAD)
}  # fmt: skip


@pytest.fixture
async def receiver() -> AsyncIterator[HostileReceiver]:
    async with HostileReceiver() as made:
        yield made


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with open_client() as made:
        yield made


async def post(
    client: httpx2.AsyncClient,
    url: str,
    rule: SuccessRule | None = None,
    timeout_s: float = TIMEOUT_S,
    **request: object,
) -> tuple[Answer, Verdict]:
    sent = Request(url, {}, b"{}", **request)  # type: ignore[arg-type]
    answer = await exchange(client, sent, timeout_s, lambda status: needs_body(status, rule))
    return answer, judge_answer(answer, datetime.now(UTC), rule)


async def test_every_answer_has_its_documented_fate_once(receiver: HostileReceiver, client: httpx2.AsyncClient) -> None:

    async def ask(name: str) -> Fate:
        answer, verdict = await post(client, f"{receiver.url}/{name}", timeout_s=BUSY_S)
        for text in (answer.words, verdict.error, verdict.incident_id):
            assert text is None or ("\0" not in text and text.encode())
        assert verdict.incident_id is None or 0 < len(verdict.incident_id) <= 200
        return verdict.fate

    fates = dict(zip(FATES, await asyncio.gather(*(ask(name) for name in FATES)), strict=True))
    assert fates == FATES
    assert {name: receiver.count(name) for name in FATES} == dict.fromkeys(FATES, 1)


async def test_what_was_taken_is_known_without_the_body(receiver: HostileReceiver, client: httpx2.AsyncClient) -> None:
    answer, verdict = await post(client, f"{receiver.url}/utf-16")
    assert verdict.incident_id == "D-1"
    _, verdict = await post(client, f"{receiver.url}/id-with-nul")
    assert verdict.incident_id == "D-1\N{REPLACEMENT CHARACTER}"
    answer, _ = await post(client, f"{receiver.url}/bomb")
    assert len(answer.body) <= 64 * 1024


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "//x", "http://", "http:///x", "http://[::1", "http://h:99999/", "ftp://127.0.0.1/", "http://\ud800/",
        "http://127.0.0.1:1/\n", "http://" + "a" * 300 + "/", "http://消防.invalid/", "http://xn--\u0301/", "http://a..b/",
        "http://127.0.0.1:0/", "http://127.0.0.1:9/" + "a" * 70_000, "http://%00/", "http://1.2.3.4.5.6:8/",
    ],
)  # fmt: skip
async def test_an_address_that_is_none_is_an_attempt_with_its_error(client: httpx2.AsyncClient, url: str) -> None:
    answer, verdict = await post(client, url)
    assert (answer.status, verdict.fate) == (None, Fate.RETRY)
    assert verdict.error
    assert "\0" not in verdict.error


async def test_headers_that_cannot_be_sent_are_an_attempt_with_their_error(
    receiver: HostileReceiver, client: httpx2.AsyncClient
) -> None:
    for headers in ({"x": "a\nb"}, {"x": "保德消防"}, {"a b": "c"}, {"x": 1001}, {"": "x"}, {"x\0": "y"}):
        request = Request(f"{receiver.url}/ok", headers, b"{}")  # type: ignore[arg-type]
        answer = await exchange(client, request, TIMEOUT_S, lambda _status: False)
        assert answer.status is None, headers
        assert answer.error
    assert receiver.heard == []


async def test_nothing_of_an_answer_is_carried_into_the_next_request(
    receiver: HostileReceiver, client: httpx2.AsyncClient
) -> None:
    for _ in range(2):
        await post(client, f"{receiver.url}/cookies")
    first, second = (head for _, head in receiver.heard)
    assert first == second
    assert b"accept-encoding: identity" in first.lower()


async def test_a_secret_of_the_address_stands_in_no_error(client: httpx2.AsyncClient) -> None:
    _, verdict = await post(client, "nohttp://u:pa55word@h/?k=t0ken", secrets=frozenset({"pa55word", "t0ken"}))
    assert verdict.error
    assert "pa55word" not in verdict.error


async def test_tls_to_what_speaks_none_is_no_answer(receiver: HostileReceiver, client: httpx2.AsyncClient) -> None:
    _, verdict = await post(client, receiver.url.replace("http:", "https:") + "/http-0.9")
    assert verdict.fate is Fate.RETRY


async def test_what_is_no_http_is_quoted_among_the_words_not_in_the_error(
    receiver: HostileReceiver, client: httpx2.AsyncClient
) -> None:
    answer, verdict = await post(client, f"{receiver.url}/mail-server")
    assert verdict.error == "the answer broke off or is no HTTP"
    assert answer.words
    assert "mail.inner" in answer.words
