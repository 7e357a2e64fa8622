"""What every request passes before any route: headers, who it is, its body, its turn, and the count of it.

Pure ASGI, so that streams pass untouched. Promises: what is not listed as public is answered to known callers only,
and HEAD is answered as GET would be, without the body.
"""

import ipaddress
import re
import time
from contextlib import AsyncExitStack
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.request import problems
from services.api.request.auth import SAFE_METHODS, authenticate, challenge, check_origin
from services.api.request.bodies import BODY_S, IMPORT_S, receive_whole, too_large
from services.api.request.forms import FORM
from services.api.request.place import place_of
from services.api.request.problems import Problem
from services.api.request.roles import Who
from services.api.request.turns import ROOM, Room, Rooms, Turnstile, heavy_room_of, room_of
from services.core.metrics import REQUESTS

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
}
PUBLIC_PATHS = frozenset({"/healthz", "/readyz", "/", "/login", "/wall", "/favicon.ico"})
PRIVATE_PAGES = frozenset({"/docs"})
PUBLIC_FOLDER = "/static/"
DATA_FOLDERS = ("/api/", "/geo/", "/sta/", "/ogc", "/cap/")
LOGIN = ("POST", "/api/v1/session")
IMPORT_PATH = "/api/v1/devices/import"
INSPECTIONS_PATH = "/api/v1/inspections"
STREAM_PATH = "/api/v1/stream"
SURE_S = 2.0  # for so long is who asks taken as known
# may read very many rows
HEAVY_PATH = re.compile(r"/api/v1/(devices/[^/]+/readings|events|rejects|audit)|/sta/.*", re.DOTALL)
MAX_LOGIN_BYTES = 8 * 1024
MAX_BODY_BYTES = 1024 * 1024
MAX_IMPORT_BYTES = 32 * 1024 * 1024
LARGE_BODIES = {
    IMPORT_PATH: MAX_IMPORT_BYTES,
    "/api/v1/grids/import": 8 * 1024 * 1024,
    INSPECTIONS_PATH: 3 * 1024 * 1024,  # with a photo
}


def is_public(method: str, path: str) -> bool:
    """Whether a stranger may ask for it. What holds data is never public."""
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_FOLDER) or (method, path) == LOGIN


def _check_media_type(method: str, path: str, headers: Headers) -> None:
    """Refuse a body that is not JSON where JSON is read. A page's form cannot send JSON to another origin unasked."""
    empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    if empty or method in SAFE_METHODS or not path.startswith("/api/"):
        return
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(
            415,
            "unsupported_media_type",
            "Content-Encoding: send the body as it is, not compressed",
            headers={"Accept-Encoding": "identity"},
        )
    form = headers.get("content-type", "").lower().startswith(FORM)
    if path == IMPORT_PATH or (form and path == INSPECTIONS_PATH):
        return
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(415, "unsupported_media_type", "send the body as JSON, with Content-Type: application/json")


def _is_loopback(scope: Scope, headers: Headers) -> bool:
    client = scope.get("client")
    if client is None or "x-forwarded-for" in headers or "forwarded" in headers:
        return False
    try:
        return ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _to_sign_in(scope: Scope, error: Exception) -> Response | None:
    """Return the way to the sign-in for a person whose browser opens a page of ours that is not public, else None."""
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    refused = isinstance(error, Problem) and error.status_code == HTTPStatus.UNAUTHORIZED
    if not (refused and wants_page and scope["path"] in PRIVATE_PAGES):
        return None
    return RedirectResponse(f"/login?{urlencode({'next': scope['path']})}", HTTPStatus.SEE_OTHER)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


class Gate:
    """The outermost part of the app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, method = time.perf_counter(), 500, scope["method"]
        head = method == "HEAD"
        if head:  # the routes know GET only; the server keeps its own scope, by which it frames the answer
            scope = {**scope, "method": "GET", "state": {**scope.get("state", {}), "head": True}}
        api = scope["path"].startswith((*DATA_FOLDERS, "/openapi.json", "/metrics"))

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if api:
                    headers.setdefault("Cache-Control", "no-store")
            elif head:
                message = {**message, "body": b""}
            await send(message)

        room = ROOM.set(Room.OTHERS)
        try:
            async with AsyncExitStack() as turn:
                try:
                    whole = await self._admit(scope, receive, turn)
                except Exception as error:  # noqa: BLE001 - answered by the same rules as the routes' errors
                    response = _to_sign_in(scope, error) or await problems.respond(scope, error)
                    await response(scope, receive, send_with_headers)
                else:
                    await self.app(scope, whole, send_with_headers)
        finally:
            ROOM.reset(room)
            route = getattr(scope.get("route"), "path", "unknown")
            REQUESTS.labels(method, route, str(status)).observe(time.perf_counter() - began)

    async def _admit(self, scope: Scope, receive: Receive, turn: AsyncExitStack) -> Receive:
        """Return what gives the body once the request may go on; `turn` holds its place."""
        known_at = time.perf_counter()
        limit = await self._check(scope)
        whole = await self._receive(scope, receive, limit, turn)
        await self._wait(scope, turn)
        if time.perf_counter() - known_at > SURE_S:
            await self._identify(scope)
        return whole

    async def _check(self, scope: Scope) -> int:
        """Return how many bytes the body may have; put who asks into the request's state."""
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        limit = MAX_LOGIN_BYTES if is_public(method, path) else LARGE_BODIES.get(path, MAX_BODY_BYTES)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            raise Problem(400, "bad_request", "Content-Length is not a number")
        if int(length) > limit:
            raise too_large(limit)
        who = await self._identify(scope)
        if (who is not None and who.session is not None) or (method, path) == LOGIN:
            check_origin(method, headers)
        _check_media_type(method, path, headers)
        return limit

    @staticmethod
    async def _identify(scope: Scope) -> Who | None:
        """Put who asks into the request's state, and return it; None where strangers may ask.

        Asked once more when the body or a turn was waited for: the rights may have been taken away meanwhile.
        """
        headers, path, who = Headers(scope=scope), scope["path"], None
        if not is_public(scope["method"], path):
            cookies = cookie_parser(headers.get("cookie", ""))
            who = await authenticate(scope["app"].state.firetower, path, headers, cookies)
            if who is None and not (path == "/metrics" and _is_loopback(scope, headers)):
                raise Problem(
                    401,
                    "unauthenticated",
                    "sign in (POST /api/v1/session) or send Authorization: Bearer <api key>",
                    headers={"WWW-Authenticate": challenge(path, headers)},
                )
        scope.setdefault("state", {})["who"] = who
        return who

    @staticmethod
    async def _receive(scope: Scope, receive: Receive, limit: int, turn: AsyncExitStack) -> Receive:
        """Take the whole body before the request gets a connection: one that never comes costs its sender alone.

        Reads have no body to wait for, so nobody's bodies delay the pages. Known callers
        have room of their own, whoever else sends from their address.
        """
        who: Who | None = scope["state"]["who"]
        rooms: Rooms = scope["app"].state.firetower.rooms
        if scope["method"] in SAFE_METHODS:
            return receive
        if who is None:
            async with rooms.strangers.one_of(place_of(_address(scope))):
                return await receive_whole(receive, limit, BODY_S)
        if scope["path"] == IMPORT_PATH:
            await turn.enter_async_context(rooms.ledgers.one_of(who.actor))
            return await receive_whole(receive, limit, IMPORT_S)
        async with rooms.bodies.one_of(who.actor):
            return await receive_whole(receive, limit, BODY_S)

    @staticmethod
    async def _wait(scope: Scope, turn: AsyncExitStack) -> None:
        """Wait for the caller's turn, in the room where the caller belongs."""
        who: Who | None = scope["state"]["who"]
        method, path = scope["method"], scope["path"]
        rooms: Rooms = scope["app"].state.firetower.rooms
        if who is not None:
            ROOM.set(room_of(who))
            if path not in {STREAM_PATH, IMPORT_PATH}:
                await turn.enter_async_context(_turnstile(rooms, who, method, path).one_of(who.actor))
        elif (method, path) == LOGIN:  # waits for its turn once it says whose name it tries
            ROOM.set(Room.DESK)


def _turnstile(rooms: Rooms, who: Who, method: str, path: str) -> Turnstile:
    if method not in SAFE_METHODS:
        return rooms.writes
    return rooms.heavy[heavy_room_of(who)] if HEAVY_PATH.fullmatch(path) else rooms.reads
