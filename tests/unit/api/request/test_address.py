"""Under which address links are written: as the client asked, and by the word of a trusted proxy."""

import ipaddress
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from services.api.request.address import TrustedProxy, root_of

PROXY = (ipaddress.ip_network("10.0.0.0/8"),)


async def _root(client: str, **headers: str) -> str:
    found = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.append(root_of(Request(scope)))

    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "client": (client, 4), "scheme": "http", "headers": sent, "server": ("127.0.0.1", 8000)}
    inner: Any = ProxyHeadersMiddleware(app, [str(one) for one in PROXY])
    await TrustedProxy(inner, PROXY)(scope, None, None)  # type: ignore[arg-type]
    return found[0]


async def test_a_link_keeps_the_host_that_was_asked() -> None:
    assert await _root("192.0.2.1", host="fire.baode.example:8443") == "http://fire.baode.example:8443"
    assert await _root("192.0.2.1", host="[::1]:8000") == "http://[::1]:8000"


async def test_a_trusted_proxy_names_host_and_prefix() -> None:
    sent = {"host": "10.0.0.9:8000", "x_forwarded_host": "fire.example, 10.0.0.9", "x_forwarded_prefix": "/desk/"}
    assert await _root("10.1.2.3", **sent) == "http://fire.example/desk"
    assert await _root("192.0.2.1", **sent) == "http://10.0.0.9:8000"


@pytest.mark.parametrize(
    ("host", "port", "seen"),
    [
        ("fire.example", "8443", "fire.example:8443"), ("fire.example", "8443, 80", "fire.example:8443"),
        ("fire.example:9443", "8443", "fire.example:9443"), ("[2001:db8::1]", "8443", "[2001:db8::1]:8443"),
        ("fire.example", "443", "fire.example"), ("fire.example", "80", "fire.example"),
        ("fire.example", "8443/x", "fire.example"), ("fire.example", "0", "fire.example"), ("", "8443", "ours"),
    ],
)  # fmt: skip
async def test_a_link_keeps_the_port_that_a_trusted_proxy_was_asked_at(host: str, port: str, seen: str) -> None:
    sent = {"host": "ours", "x_forwarded_host": host, "x_forwarded_port": port, "x_forwarded_prefix": "/desk"}
    assert await _root("10.1.2.3", **sent) == f"http://{seen}/desk"
    assert await _root("192.0.2.1", **sent) == "http://ours"


@pytest.mark.parametrize("schemes", ["https", "https, http", "HTTPS,http,http"])
async def test_a_link_keeps_the_scheme_that_the_first_of_some_proxies_was_asked_by(schemes: str) -> None:
    """Kludex/uvicorn 2104: `https, http` was no scheme, and every link led to http."""
    assert await _root("10.1.2.3", host="fire.example", x_forwarded_proto=schemes) == "https://fire.example"
    assert await _root("192.0.2.1", host="fire.example", x_forwarded_proto=schemes) == "http://fire.example"


@pytest.mark.parametrize("bad", ['x"><script>', "a b", "", "a/b", "http://x", "a" * 300])
async def test_what_is_no_address_is_not_repeated(bad: str) -> None:
    assert await _root("192.0.2.1", host=bad) == "http://127.0.0.1:8000"
    assert await _root("10.1.2.3", host="ours", x_forwarded_host=bad, x_forwarded_prefix=f"//{bad}") == "http://ours"


@pytest.mark.parametrize(
    ("client", "location", "seen"),
    [
        ("10.1.2.3", "/api/v1/hazards/1", "/desk/api/v1/hazards/1"), ("192.0.2.1", "/api/v1/hazards/1", None),
        ("10.1.2.3", "https://fire.example/x", None), ("10.1.2.3", "//fire.example/x", None),
    ],
)  # fmt: skip
async def test_what_was_made_is_found_below_the_prefix_of_a_trusted_proxy(
    client: str, location: str, seen: str | None
) -> None:
    answered = []

    async def send(message: Any) -> None:
        answered.append(message)

    scope = {
        "type": "http", "client": (client, 4), "scheme": "http", "server": ("127.0.0.1", 8000), "method": "GET",
        "headers": [(b"x-forwarded-prefix", b"/desk")],
    }  # fmt: skip
    await TrustedProxy(Response(status_code=201, headers={"Location": location}), PROXY)(scope, None, send)  # type: ignore[arg-type]
    assert dict(answered[0]["headers"])[b"location"].decode() == (seen or location)
