"""Compresses large answers for clients that take gzip, and for no other.

Tells what is behind it, files of the pages among it, in one word: `gzip` or `identity`.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

from services.api.request.accepted import weights

_NAMES = ("gzip", "x-gzip")


class Compression(GZipMiddleware):
    """The middleware of Starlette looks for the word `gzip` in the header, and finds it in `gzip;q=0` too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with what it takes."""
        if scope["type"] == "http":
            taken = weights(Headers(scope=scope).getlist("accept-encoding"))
            scope = {**scope, "headers": list(scope["headers"])}
            best = "gzip" if any(taken.get(name) for name in _NAMES) else "identity"
            MutableHeaders(scope=scope)["accept-encoding"] = best
        await super().__call__(scope, receive, send)
