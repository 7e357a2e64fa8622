"""Signing in and out with a cookie. The page asks here who it is; scripts should use a key instead."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from services.api.people.proof import person_of
from services.api.people.throttle import OwnTries
from services.api.people.users import PasswordBody, unusable_password
from services.api.request import secrets
from services.api.request.answers import answer
from services.api.request.auth import COOKIE, Reader, Watcher, session_life
from services.api.request.described import described
from services.api.request.problems import Problem
from services.api.request.roles import ROLES, Permission, Role, Who
from services.api.request.scope import Scope
from services.api.request.state import Here, State
from services.core.clock import rfc3339
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["session"])
_DEVICE_TEXT = 200


class Login(BaseModel):
    """A name and a password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"username": "admin", "password": "…"}]})

    username: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Session(BaseModel):
    """Who is signed in."""

    username: str = Field(examples=["wang"])
    name: str = Field(description="as people know them; empty where nobody said", examples=["王建国"])
    role: Role
    areas: list[str] = Field(description="code prefixes; `*` is everywhere", examples=[["140931"]])
    language: str = Field(examples=["zh"])
    permissions: list[Permission] = Field(description="what the role may do: a page shows no act beyond it")
    now: str = Field(description="our time", examples=["2026-11-23T08:00:00.000Z"])


class OtherSession(BaseModel):
    """Another place where the person is signed in."""

    created_at: str
    expires_at: str = Field(description="when it ends unused; in the past only where told is true")
    told: bool = Field(description="this browser is told of fires while no page is open, until it is signed out")


class OtherSessions(BaseModel):
    """All of them, newest first."""

    items: list[OtherSession]
    next: None = None


def _session(here: State, who: Who) -> dict[str, object]:
    return {
        "username": who.name,
        "name": who.person_name,
        "role": who.role,
        "areas": list(who.scope.areas),
        "language": who.language,
        "permissions": sorted(ROLES.get(who.role, ())),
        "now": rfc3339(here.clock.now()),
    }


@router.post("/session", responses=described(Session, 429), openapi_extra={"security": []})
async def sign_in(body: Login, request: Request, here: Here) -> Response:
    """Sign in: sets an HttpOnly cookie."""
    address = request.client.host if request.client else ""
    name = body.username.strip().lower()
    row = await person_of(here, name, body.password, address)
    if row is None:
        raise _wrong()
    token, now = secrets.new_token(), here.clock.now()
    async with here.database.writing() as connection:
        await connection.execute(SQL["forget_expired"], now)
        begun = await connection.fetchval(
            SQL["add_session"],
            secrets.digest(token),
            row["id"],
            now,
            now + session_life(Role(row["role"])),
            row["password_hash"],
        )
        if begun is None:
            raise _wrong()
        await connection.execute(
            SQL["audit_start"],
            now,
            f"user:{name}",
            name,
            {"address": address[:_DEVICE_TEXT]},
        )
    who = Who(
        f"user:{name}", name, Role(row["role"]), Scope(tuple(row["areas"])), row["language"], person_name=row["name"]
    )
    response = answer(_session(here, who))
    _give_cookie(here, response, who, token)
    return response


def _wrong() -> Problem:
    return Problem(401, "unauthenticated", "the name or the password is wrong")


def _give_cookie(here: State, response: Response, who: Who, token: str) -> None:
    """Let the browser keep the token until it is closed; a screen without a person keeps it longer."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(session_life(who.role).total_seconds()) if who.role is Role.WALL else None,
        httponly=True,
        samesite="lax",
        secure=here.settings.secure_cookies,
        path="/",
    )


@router.get("/session", responses=described(Session))
async def show_session(request: Request, here: Here, who: Watcher) -> Response:
    """Say who is signed in; a wall's cookie is given anew, so that it does not age while it is used."""
    response = answer(_session(here, who))
    if who.role is Role.WALL and who.session is not None and (token := request.cookies.get(COOKIE)) is not None:
        _give_cookie(here, response, who, token)
    return response


@router.delete("/session", status_code=204, responses=described(None, status=204))
async def sign_out(here: Here, who: Watcher) -> Response:
    """Sign out: the cookie is refused from now on."""
    if who.session is not None:
        async with here.database.writing() as connection:
            await connection.execute(SQL["end_session"], who.session)
            await connection.execute(
                SQL["audit_end"],
                here.clock.now(),
                who.actor,
                who.name,
            )
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=here.settings.secure_cookies)
    return response


@router.get("/session/others", responses=described(OtherSessions))
async def show_other_sessions(here: Here, who: Reader) -> Response:
    """Show where else the person is signed in: since when, until when it lasts unused, and which browsers are told."""
    if who.person_id is None:
        return answer({"items": [], "next": None})
    async with here.database.writing() as connection:
        rows = await connection.fetch(SQL["others"], who.person_id, who.session, here.clock.now())
    return answer({"items": [dict(row) for row in rows], "next": None})


@router.delete("/session/others", status_code=204, responses=described(None, status=204))
async def end_other_sessions(here: Here, who: Reader) -> Response:
    """Sign the person out everywhere else."""
    if who.person_id is not None:
        async with here.database.writing() as connection:
            tag: str = await connection.execute(SQL["end_others"], who.person_id, who.session)
            detail = {"ended": int(tag.rpartition(" ")[2])}
            await connection.execute(SQL["audit_end_others"], here.clock.now(), who.actor, who.name, detail)
    return Response(status_code=204)


def _not_the_present_one() -> Problem:
    return Problem(403, "wrong_password", "current: this is not the present password")


@router.put("/session/password", status_code=204, responses=described(None, 429, status=204))
async def change_password(body: PasswordBody, here: Here, who: Reader) -> Response:
    """Change one's own password; other sessions of the person end."""
    if refusal := await unusable_password(body, who.name):
        raise refusal
    throttle = here.of(OwnTries)
    wait_s = throttle.wait_s(here.clock.monotonic(), who.name, who.name)
    if wait_s > 0:
        raise Problem(429, "too_many_tries", "try again later", headers={"Retry-After": str(int(wait_s) + 1)})
    if who.person_id is None:
        raise Problem(403, "forbidden", "a key has no password")
    async with here.database.writing() as connection:
        stored = await connection.fetchval(SQL["password_of"], who.person_id)
    throttle.failed(here.clock.monotonic(), who.name, who.name)
    if not await secrets.password_fits(body.current.get_secret_value(), stored):
        raise _not_the_present_one()
    throttle.passed(who.name, who.name)
    hashed = await secrets.hash_password(body.new.get_secret_value())
    async with here.database.writing() as connection:
        changed = await connection.fetchval(
            SQL["set_password"],
            who.person_id,
            hashed,
            here.clock.now(),
            stored,
        )
        if changed is None:  # an administrator was faster
            raise _not_the_present_one()
        await connection.execute(
            SQL["end_others"],
            who.person_id,
            who.session,
        )
        await connection.execute(
            SQL["audit_password"],
            here.clock.now(),
            who.actor,
            who.name,
        )
    return Response(status_code=204)
