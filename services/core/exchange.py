"""One request and what came back, whatever the other side does. Used by the outbox, the heartbeat and the relay.

Promises: the status line and headers within their time or no answer; then the first bytes of the body, raw and for a
moment only; never an exception, never an unbounded read, no redirect, no cookie.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from services.core.answers import Answer
from services.core.masks import hide
from services.core.outbound import GuardedTransport, Network, tls
from services.core.text import describe_error

MOST_BYTES = 64 * 1024
BODY_S = 1.0  # of a receiver that has said yes or no already; its incident number is welcome, not needed
CLOSE_S = 1.0
# A TLS handshake that is cancelled leaves its socket to the garbage collector (httpcore2 2.16 closes it only after an
# error), so connection and handshake each end by themselves before the whole is cancelled.
CONNECT_SHARE = 0.45


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire. `secrets` are masked in whatever is kept of the answer and of errors."""

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    secrets: frozenset[str] = frozenset()


def open_client(networks: Sequence[Network] | None = None) -> httpx2.AsyncClient:
    """Return a client that takes nothing over from the environment or from answers.

    With `networks` it is guarded: it calls what is public, and these networks.
    """
    return httpx2.AsyncClient(
        transport=None if networks is None else GuardedTransport(networks),
        verify=tls(),
        trust_env=False,
        follow_redirects=False,
        timeout=None,
        headers={"user-agent": "firetower", "accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a jar that grows would make our requests grow
    )


async def exchange(
    client: httpx2.AsyncClient, request: Request, timeout_s: float, wants_body: Callable[[int], bool]
) -> Answer:
    """Send `request` and return the answer.

    `wants_body` says for a status whether the body decides; it then has the time that is left of `timeout_s`.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with asyncio.timeout(timeout_s):
            built = client.build_request(
                request.method,
                request.url,
                headers=request.headers,
                content=request.body or None,
                timeout=httpx2.Timeout(None, connect=timeout_s * CONNECT_SHARE if _is_tls(request.url) else None),
            )
            response = await client.send(built, stream=True)
    except TimeoutError:
        return Answer(None, {}, b"", f"no answer within {timeout_s:g} s")
    except httpx2.RemoteProtocolError as error:  # its text may quote the answer, which fewer people may read
        return Answer(None, {}, describe_error(error).encode(), "the answer broke off or is no HTTP")
    except Exception as error:  # noqa: BLE001 - a foreign address or answer can fail in every parser on its way
        return Answer(None, {}, b"", hide(describe_error(error), request.secrets))
    try:
        left_s = timeout_s - (loop.time() - begun)
        body = await _read(response, max(BODY_S, left_s) if wants_body(response.status_code) else BODY_S)
        return Answer(response.status_code, response.headers, body)
    finally:
        await _close(response)


def _is_tls(url: str) -> bool:
    return url[:6].lower() == "https:"


async def _read(response: httpx2.Response, seconds: float) -> bytes:
    """Return what comes of the body, undecoded: a few bytes of gzip can be gigabytes."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds), aclosing(response.aiter_raw()) as pieces:
            async for piece in pieces:
                body += piece[: MOST_BYTES - len(body)]
                if len(body) == MOST_BYTES:
                    break
    except Exception:  # noqa: BLE001, S110 - cut off, late, mis-framed: what came until then is the body
        pass
    return bytes(body)


async def _close(response: httpx2.Response) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await response.aclose()
    except Exception:  # noqa: BLE001, S110 - the answer is known; how the connection ends changes nothing
        pass
