"""Under which address a client reached us: absolute links keep its scheme, host and prefix.

`TrustedProxy` is the outermost part of the program; routes call `root_of`. Promises that nobody but a trusted proxy
changes an address, and that what is written into a link is an address and nothing else.
"""

import ipaddress
import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.core.setting_values import Network

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}){1,8}", re.ASCII)
_PORT = re.compile(r":[0-9]{1,5}$", re.ASCII)
_OTHER_PORT = re.compile(r"(?!(?:80|443)$)[1-9][0-9]{0,4}", re.ASCII)  # those two go without saying
_PREFIX_KEY, _PORT_KEY = "prefix", "port"


class TrustedProxy:
    """Takes X-Forwarded-Host, -Port and -Prefix from the proxies that are named in the settings.

    The port is for links only, where the host comes without one: some proxies name one of their own that nobody outside
    knows, and a page of ours is known by its host.
    Scheme and client are uvicorn's part (X-Forwarded-Proto, X-Forwarded-For); it stands inside, because it replaces the
    address by which a proxy is known. It knows no list of schemes, as a chain of proxies makes one, and gets the first.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[Network]) -> None:
        self.app = app
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, under the address that its client used."""
        if scope["type"] == "http" and self._is_trusted(scope):
            sent = Headers(scope=scope)
            host = _first(sent.get("x-forwarded-host", ""))
            prefix = _first(sent.get("x-forwarded-prefix", "")).rstrip("/")
            scope = {**scope, "headers": list(scope["headers"]), "state": dict(scope.get("state", {}))}
            if _HOST.fullmatch(host):
                MutableHeaders(scope=scope)["host"] = host
                port = _first(sent.get("x-forwarded-port", ""))
                if _OTHER_PORT.fullmatch(port) and not _PORT.search(host):
                    scope["state"][_PORT_KEY] = f":{port}"
            if scheme := _first(sent.get("x-forwarded-proto", "")):
                MutableHeaders(scope=scope)["x-forwarded-proto"] = scheme.lower()
            if _PREFIX.fullmatch(prefix):
                scope["state"][_PREFIX_KEY] = prefix
                await self.app(scope, receive, _below(prefix, send))
                return
        await self.app(scope, receive, send)

    def _is_trusted(self, scope: Scope) -> bool:
        client = scope.get("client")
        try:
            address = ipaddress.ip_address(client[0]) if client else None
        except ValueError:
            return False
        return address is not None and any(address in network for network in self._trusted)


def _below(prefix: str, send: Send) -> Send:
    """Return `send` for answers whose `Location` is a path of ours: the client finds it below the prefix."""

    async def send_below(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if (path := headers.get("location", "")).startswith("/") and not path.startswith("//"):
                headers["location"] = prefix + path
        await send(message)

    return send_below


def _first(value: str) -> str:
    """Return the first of a list: what the client itself used."""
    return value.partition(",")[0].strip()


def root_of(request: Request) -> str:
    """Return scheme, host and prefix under which the client asked, as `https://fire.example/desk`.

    A Host header that is no address is not repeated: the server's own address stands for it.
    """
    scope = request.scope
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        server = scope.get("server") or ("localhost", None)
        name = f"[{server[0]}]" if ":" in server[0] else server[0]
        host = name if server[1] is None else f"{name}:{server[1]}"
    state = scope.get("state", {})
    return f"{scope['scheme']}://{host}{state.get(_PORT_KEY, '')}{state.get(_PREFIX_KEY, '')}"
