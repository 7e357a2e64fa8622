"""Finds who is behind a request, and asks per route whether they may. Used by the gate and by every route.

A key comes as Bearer. Where GIS clients ask, which know no Bearer, it is also taken by HTTP Basic, as the password of
any user name.

Promises: an unknown, expired, revoked or disabled credential is refused, like a key of a disabled maker; a key does and
sees no more than its maker may now; a route without a permission does not exist.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBasic, HTTPBearer
from starlette.datastructures import Headers

from services.api.request import secrets
from services.api.request.database import Reads, Row
from services.api.request.problems import Problem, not_found
from services.api.request.roles import ROLES, Permission, Role, Who
from services.api.request.scope import Scope
from services.api.request.state import State
from services.core.statements import load_queries

COOKIE = "firetower_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION_LIFE = timedelta(days=7)  # after the last use
WALL_LIFE = timedelta(days=400)  # the longest that browsers keep a cookie; counted from the last use as well
_RENEW_AFTER = timedelta(days=1)
# Only reading is done there: a browser sends Basic unasked once it knows it, whoever made it ask.
BASIC_FOLDERS = ("/sta", "/ogc", "/cap", "/geo")
_BEARER_CHALLENGE, _BASIC_CHALLENGE = 'Bearer realm="firetower"', 'Basic realm="firetower", charset="UTF-8"'

_BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="an API key: Authorization: Bearer ft_…")
_COOKIE = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="session", description="POST /api/v1/session sets it")


class _KeyByBasic(HTTPBasic):
    """Says in the OpenAPI document that Basic is taken; the gate has looked at it by then."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        """Look at nothing."""


# For the routers below BASIC_FOLDERS.
KEY_BY_BASIC = Security(
    _KeyByBasic(auto_error=False, scheme_name="basic", description="an API key as the password, with any user name")
)
_ROLES = frozenset(Role)  # a role of a newer release is unknown here, so it is refused
_QUERIES = load_queries(__file__)


def session_life(role: Role) -> timedelta:
    """Return how long a session lasts after its last use."""
    return WALL_LIFE if role is Role.WALL else SESSION_LIFE


def takes_basic(path: str) -> bool:
    """Whether a key is also taken by HTTP Basic at this path."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in BASIC_FOLDERS)


def challenge(path: str, headers: Headers) -> str:
    """Return how a stranger may sign in here (WWW-Authenticate).

    The pages of ours fetch from there too, and a browser would show them its own window for Basic.
    """
    by_a_page = headers.get("sec-fetch-dest") == "empty"
    return _BASIC_CHALLENGE if takes_basic(path) and not by_a_page else _BEARER_CHALLENGE


def sent_key(authorization: str, path: str) -> str | None:
    """Return the key of an Authorization header, or None where it has none that is taken at this path."""
    scheme, _, given = authorization.partition(" ")
    given = given.strip()
    if scheme.lower() == "bearer":
        return given or None
    if scheme.lower() != "basic" or not takes_basic(path):
        return None
    try:
        _, _, password = base64.b64decode(given, validate=True).decode("latin-1").partition(":")
    except (binascii.Error, ValueError):
        return None
    return password or None


async def authenticate(state: State, path: str, headers: Headers, cookies: dict[str, str]) -> Who | None:
    """Return who sent the request, or None. A key in the header takes precedence over the cookie."""
    authorization = headers.get("authorization")
    now = state.clock.now()
    if authorization is not None:
        if (sent := sent_key(authorization, path)) is None:
            return None
        key = secrets.digest(sent)
        return (await find_keys(state.database.door, [key], now)).get(key)
    if not (cookie := cookies.get(COOKIE)):
        return None
    session = secrets.digest(cookie)
    who = (await find_sessions(state.database.door, [session], now)).get(session)
    if who is not None and who.session_until is not None:
        life = session_life(who.role)
        if who.session_until - now < life - _RENEW_AFTER:
            async with state.database.writing() as connection:
                await connection.execute(_QUERIES["renew_session"], session, now + life)
    return who


async def find_keys(reads: Reads, hashes: Sequence[bytes], now: datetime) -> dict[bytes, Who]:
    """Return who is behind each of these keys; keys that are missing are no longer valid."""
    rows = await reads.rows(_QUERIES["keys"], hashes=list(hashes), now=now)
    return {row["key_hash"]: who for row in rows if (who := _who_has(row)) is not None}


def _who_has(row: Row) -> Who | None:
    """Return who is behind a key: seeing what its makers still see. None: they may no longer do what it does."""
    if row["role"] not in _ROLES:
        return None
    role, scope = Role(row["role"]), Scope(tuple(row["areas"]))
    for maker in row["makers"]:
        if not ROLES[role] <= ROLES.get(maker["role"], frozenset()):
            return None
        scope = scope.shared(Scope(tuple(maker["areas"])))
    if row["areas"] and not scope.areas:
        return None
    return Who(f"key:{row['name']}", row["name"], role, scope, key=row["key_hash"])


async def find_sessions(reads: Reads, hashes: Sequence[bytes], now: datetime) -> dict[bytes, Who]:
    """Return who is behind each of these sessions; sessions that are missing are no longer valid."""
    rows = await reads.rows(_QUERIES["sessions"], hashes=list(hashes), now=now)
    return {
        row["token_hash"]: Who(
            f"user:{row['username']}", row["username"], Role(row["role"]), Scope(tuple(row["areas"])),
            row["language"], row["id"], row["token_hash"], session_until=row["expires_at"],
            person_name=row["name"],
        )
        for row in rows
        if row["role"] in _ROLES
    }  # fmt: skip


def check_origin(method: str, headers: Headers) -> None:
    """Refuse an unsafe request that a page of another origin made the browser send.

    Browsers tell with Sec-Fetch-Site, older ones with Origin; a client that sends neither is not a browser, and
    has signed in itself for its cookie.
    """
    if method in SAFE_METHODS:
        return
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None:
        fine = site in {"same-origin", "none"}
    elif origin is not None:
        fine = urlsplit(origin).netloc == headers.get("host", "")
    else:
        fine = True
    if not fine:
        raise Problem(403, "cross_origin", "a page of another origin sent this; sign in here and try again")


class Allowed:
    """A dependency: whoever asks must hold `permission`."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(  # async: no thread is asked for what is only looked up
        self,
        request: Request,
        _bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
        _cookie: Annotated[str | None, Security(_COOKIE)] = None,
    ) -> Who:
        """Return who asks."""
        who = cast("Who | None", request.scope.get("state", {}).get("who"))
        if who is None:
            challenged = {"WWW-Authenticate": challenge(request.url.path, request.headers)}
            raise Problem(401, "unauthenticated", "sign in, or send a key", headers=challenged)
        if not who.may(self.permission):
            raise Problem(403, "forbidden", f"the role {who.role} may not do this ({self.permission} is needed)")
        return who


Watcher = Annotated[Who, Depends(Allowed(Permission.WATCH))]
Reader = Annotated[Who, Depends(Allowed(Permission.READ))]
Administrator = Annotated[Who, Depends(Allowed(Permission.ADMINISTER))]


def require_area(who: Who, area: str | None, what: str) -> None:
    """Answer 404 for what lies outside the caller's areas, whether it exists or not."""
    if not who.scope.covers(area):
        raise not_found(what)


def require_county(who: Who) -> None:
    """Refuse callers scoped to townships when something concerns the whole county."""
    if not who.scope.county:
        raise Problem(403, "forbidden", "this holds for the whole county, and your account is for a part of it")
