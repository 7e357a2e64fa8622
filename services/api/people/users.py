"""People: who may sign in, as what, and for which areas."""

import asyncio
from typing import Annotated, Any, ClassVar, Literal

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from starlette.responses import Response

from services.api.people.makers import pause_subscriptions
from services.api.people.passwords import weakness
from services.api.request import secrets, tables
from services.api.request.answers import answer
from services.api.request.auth import Administrator
from services.api.request.database import Inside, Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import Line
from services.api.request.known_fields import KnownFields
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.roles import Role, Who
from services.api.request.scope import Scope
from services.api.request.state import Here
from services.api.request.versions import IfMatch, check_match
from services.api.request.writing import AdministratorWriter, Write
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["users"])
Username = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", to_lower=True)]
Password = Annotated[SecretStr, Field(min_length=8, max_length=200)]
AreaPrefix = Annotated[str, StringConstraints(pattern=r"^(\*|[0-9]{6,12})$")]
Areas = Annotated[list[AreaPrefix], Field(max_length=100, description="code prefixes; `*` is everywhere")]
_person = tables.person.c


class User(BaseModel):
    """A person who may sign in."""

    id: int
    username: str
    name: str
    role: Role
    areas: list[str]
    language: str
    enabled: bool
    version: int
    created_at: str
    updated_at: str


class UserPost(BaseModel):
    """A new person. Without `areas`, they see what their administrator sees."""

    model_config = ConfigDict(
        extra="forbid",  # `area` would make somebody who sees all
        json_schema_extra={
            "examples": [
                {"username": "dongguan", "password": "correct horse", "role": "duty_officer", "areas": ["140931100"]}
            ]
        },
    )

    username: Username
    password: Password
    role: Role
    areas: Areas | None = None
    name: Line = ""
    language: Literal["zh", "en"] = "zh"


class UserPut(KnownFields):
    """What is to change about a person. A new password, role or areas end their sessions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "viewer", "areas": ["140931"]}]})

    answered: ClassVar = frozenset(User.model_fields)

    password: Password | None = None
    role: Role | None = None
    areas: Areas | None = None
    name: Line | None = None
    language: Literal["zh", "en"] | None = None
    enabled: bool | None = None


def require_within(who: Who, areas: list[str]) -> None:
    """Refuse to grant more than the granter has."""
    if not Scope(tuple(areas)).within(who.scope):
        raise Problem(403, "forbidden", "areas: you can only give areas that you have yourself")


async def _find(reads: Reads, who: Who, username: str) -> Row:
    row = await first(reads, sa.select(tables.person).where(_person.username == username))
    if row is None or not Scope(tuple(row["areas"])).within(who.scope):
        raise not_found(f"user {username}")
    return row


async def _keep_an_administrator(write: Write, row: Row, changed: dict[str, Any]) -> None:
    """Refuse to take the rights of the last person who administers the areas of `row`.

    Every administrator's row is locked meanwhile: two who disable each other at the same moment wait for each other.

    Raises:
        Problem: 409, nobody else who may sign in administers all of these areas.
    """
    before = {name: row[name] for name in ("role", "areas", "enabled")}
    after = before | {name: value for name, value in changed.items() if name in before}
    had = Scope(tuple(before["areas"]))
    keeps = after["enabled"] and after["role"] == Role.ADMINISTRATOR and had.within(Scope(tuple(after["areas"])))
    if not before["enabled"] or before["role"] != Role.ADMINISTRATOR or keeps:
        return
    standing = await write.connection.fetch(SQL["lock_administrators"])
    if not any(had.within(Scope(tuple(one["areas"]))) for one in standing if one["id"] != row["id"]):
        detail = f"{row['username']} is the last administrator of these areas; make another one first"
        raise Problem(409, "conflict", detail)


@router.get("/users", responses=described(Page[User]))
async def list_users(*, here: Here, who: Administrator, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List people by name."""
    statement = sa.select(tables.person).order_by(_person.username)
    if place := decode_cursor(cursor, str):
        statement = statement.where(_person.username > place[0])
    rows = [
        row for row in await here.database.rows(statement.limit(10_000)) if Scope(tuple(row["areas"])).within(who.scope)
    ][: limit + 1]
    return page([dict(row) for row in rows], limit, [(row["username"],) for row in rows])


@router.get("/users/{username}", responses=described(User, 404, etag=True))
async def show_user(username: Username, here: Here, who: Administrator) -> Response:
    """Show one person."""
    row = await _find(here.database, who, username)
    return answer(dict(row), version=row["version"])


@router.post("/users", status_code=201, responses=described(User, 409, status=201, etag=True))
async def create_user(body: UserPost, writer: AdministratorWriter) -> Response:
    """Let a person sign in."""
    require_within(writer.who, body.areas or [])
    await _check_password("password", body.password, body.username, body.name)
    hashed = await secrets.hash_password(body.password.get_secret_value())

    async def work(write: Write) -> Response:
        areas = body.areas if body.areas is not None else list(write.who.scope.areas)
        require_within(write.who, areas)
        made = await write.connection.fetchval(
            SQL["add_person"],
            body.username,
            body.name,
            hashed,
            body.role,
            areas,
            body.language,
        )
        if made is None:
            raise Problem(409, "conflict", f"there is already a user {body.username}")
        await write.record("user.create", body.username, role=body.role, areas=areas)
        row = await _find(Inside(write.connection), write.who, body.username)
        return answer(dict(row), 201, version=row["version"])

    return await writer.perform(work)


@router.put("/users/{username}", responses=described(User, 404, 409, 412, etag=True))
async def update_user(
    username: Username, body: UserPut, writer: AdministratorWriter, if_match: IfMatch = None
) -> Response:
    """Change a person."""
    values: dict[str, Any] = body.model_dump(exclude={"password"}, exclude_none=True)
    if body.password is not None:
        if username == writer.who.name and writer.who.person_id is not None:
            raise Problem(
                403, "forbidden", "password: change your own with PUT /api/v1/session/password and the old one"
            )
        await _check_password("password", body.password, username, body.name or "")
        values["password_hash"] = await secrets.hash_password(body.password.get_secret_value())

    async def work(write: Write) -> Response:
        inside = Inside(write.connection)
        row = await _find(inside, write.who, username)
        check_match(if_match, row["version"])
        require_within(write.who, body.areas or [])
        own = row["id"] == write.who.person_id
        if own and (values.get("enabled") is False or values.get("role", row["role"]) != row["role"]):
            raise Problem(409, "conflict", "you cannot take your own rights away; another administrator can")
        await _keep_an_administrator(write, row, values)
        check_match(if_match, await write.connection.fetchval(SQL["lock_person"], row["id"]))
        sets = ", ".join(
            ["version = version + 1", "updated_at = $2", *[f"{c} = ${n}" for n, c in enumerate(values, 3)]]
        )
        await write.connection.execute(
            f"update person set {sets} where id = $1",  # noqa: S608 - our column names
            row["id"],
            write.now,
            *values.values(),
        )
        if set(values) & {"password_hash", "role", "areas", "enabled"}:
            await write.connection.execute(SQL["end_sessions"], row["id"])
        if set(values) & {"role", "areas", "enabled"}:
            await pause_subscriptions(write, f"user:{username}")
        shown = {name: value for name, value in values.items() if name != "password_hash"}
        await write.record("user.update", username, password="password_hash" in values, **shown)
        row = await _find(inside, write.who, username)
        return answer(dict(row), version=row["version"])

    return await writer.perform(work)


@router.delete("/users/{username}", status_code=204, responses=described(None, 404, 409, 412, status=204))
async def disable_user(username: Username, writer: AdministratorWriter, if_match: IfMatch = None) -> Response:
    """Disable a person. The name stays, because records refer to it."""

    async def work(write: Write) -> Response:
        row = await _find(Inside(write.connection), write.who, username)
        if row["id"] == write.who.person_id:
            raise Problem(409, "conflict", "you cannot lock yourself out; another administrator can")
        await _keep_an_administrator(write, row, {"enabled": False})
        check_match(if_match, await write.connection.fetchval(SQL["lock_person"], row["id"]))
        await write.connection.execute(
            SQL["disable"],
            row["id"],
            write.now,
        )
        await write.connection.execute(SQL["end_sessions"], row["id"])
        await pause_subscriptions(write, f"user:{username}")
        await write.record("user.disable", username)
        return Response(status_code=204)

    return await writer.perform(work)


class PasswordBody(BaseModel):
    """The present password and the new one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"current": "…", "new": "correct horse battery"}]})

    current: Annotated[SecretStr, Field(max_length=200)]
    new: Password


async def unusable_password(body: PasswordBody, *about: str) -> Problem | None:
    """Return why the new password cannot be taken, or None."""
    if body.current.get_secret_value() == body.new.get_secret_value():
        return invalid("new", "must differ from the current one")
    fault = await asyncio.to_thread(weakness, body.new.get_secret_value(), *about)
    return invalid("new", fault) if fault else None


async def _check_password(field: str, password: SecretStr, *about: str) -> None:
    if fault := await asyncio.to_thread(weakness, password.get_secret_value(), *about):
        raise invalid(field, fault)
