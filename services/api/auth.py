"""Finds who is behind a request, and asks per route whether they may. Used by the gate and by every route.

Promises: an unknown, expired, revoked or disabled credential is nobody; a route without a permission does not exist.
"""

from datetime import timedelta
from typing import Annotated, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from services.api import people
from services.api.database import first
from services.api.problems import Problem, not_found
from services.api.roles import Permission, Role, Scope, Who
from services.api.state import State

COOKIE = "firetower_session"
SESSION_LIFE = timedelta(days=7)  # after the last use: a wall screen stays signed in
_RENEW_BEFORE = timedelta(days=6)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="an API key: Authorization: Bearer ft_…")
_COOKIE = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="session", description="POST /api/v1/session sets it")

# text, because these run before every request: compiled once
_SESSION = """select p.id, p.username, p.role, p.areas, p.language, s.expires_at
from web_session s join person p on p.id = s.person_id
where s.token_hash = :token and s.expires_at > :now and p.enabled"""
_KEY = """select name, role, areas from api_key
where key_hash = :token and revoked_at is null and (expires_at is null or expires_at > :now)"""


async def authenticate(state: State, headers: Headers, cookies: dict[str, str]) -> Who | None:
    """Return who sent the request, or None. A key in the header goes before the cookie."""
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        return await _by_key(state, token.strip()) if scheme.lower() == "bearer" and token else None
    cookie = cookies.get(COOKIE)
    return await _by_session(state, cookie) if cookie else None


async def _by_key(state: State, token: str) -> Who | None:
    row = await first(state.database, _KEY, token=people.digest(token), now=state.clock.now())
    if row is None:
        return None
    return Who(f"key:{row['name']}", row["name"], Role(row["role"]), Scope(tuple(row["areas"])))


async def _by_session(state: State, cookie: str) -> Who | None:
    token, now = people.digest(cookie), state.clock.now()
    row = await first(state.database, _SESSION, token=token, now=now)
    if row is None:
        return None
    if row["expires_at"] - now < _RENEW_BEFORE:
        async with state.database.writing() as connection:
            await connection.execute(
                "update web_session set expires_at = $2 where token_hash = $1", token, now + SESSION_LIFE
            )
    scope = Scope(tuple(row["areas"]))
    return Who(f"user:{row['username']}", row["username"], Role(row["role"]), scope, row["language"], row["id"], token)


def check_origin(method: str, headers: Headers) -> None:
    """Refuse an unsafe request that a page of another origin made the browser send.

    Browsers tell with Sec-Fetch-Site, older ones with Origin; a client that sends neither is no browser, and holds
    no cookie it did not sign in for.
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

    def __call__(
        self,
        request: Request,
        _bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
        _cookie: Annotated[str | None, Security(_COOKIE)] = None,
    ) -> Who:
        """Return who asks."""
        who = cast("Who | None", request.scope.get("state", {}).get("who"))
        if who is None:
            raise Problem(401, "unauthenticated", "sign in, or send a key", headers={"WWW-Authenticate": "Bearer"})
        if not who.may(self.permission):
            raise Problem(403, "forbidden", f"the role {who.role} may not do this ({self.permission} is needed)")
        return who


Reader = Annotated[Who, Depends(Allowed(Permission.READ))]
Administrator = Annotated[Who, Depends(Allowed(Permission.ADMINISTER))]


def require_area(who: Who, area: str | None, what: str) -> None:
    """Answer 404 for what lies outside one's areas: whether it exists is not told."""
    if not who.scope.covers(area):
        raise not_found(what)


def require_county(who: Who) -> None:
    """Refuse who is scoped to townships for what holds in the whole county."""
    if not who.scope.county:
        raise Problem(403, "forbidden", "this holds for the whole county, and your account is for a part of it")
