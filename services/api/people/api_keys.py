"""Keys of machines: one for each integration, with a role and areas of its own; shown once, stored hashed."""

from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.people.makers import pause_subscriptions
from services.api.people.users import Areas, require_within
from services.api.request import secrets, tables
from services.api.request.answers import answer
from services.api.request.auth import Administrator, find_keys
from services.api.request.described import described
from services.api.request.fields import BIGINT, Line, Moment
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.roles import Role
from services.api.request.scope import Scope
from services.api.request.state import Here
from services.api.request.writing import AdministratorWriter, Write
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["api-keys"])
_key = tables.api_key.c
_SHOWN = ("id", "name", "hint", "role", "areas", "created_by", "created_at", "expires_at", "revoked_at")


class ApiKey(BaseModel):
    """A machine's key, without the key."""

    id: int
    name: str
    hint: str = Field(description="how the key begins")
    role: Role
    areas: list[str]
    created_by: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    usable: bool = Field(description="false: revoked, expired, or who made it may no longer sign in or do what it may")


class NewApiKey(ApiKey):
    """A machine's key; `key` is shown this once."""

    key: str


class ApiKeyPost(BaseModel):
    """A new key. Without `areas`, it sees what its administrator sees."""

    model_config = ConfigDict(
        extra="forbid",  # `area` or `expires` would make a key that sees all, for ever
        json_schema_extra={"examples": [{"name": "smart-city", "role": "viewer", "areas": ["140931"]}]},
    )

    name: Annotated[Line, Field(min_length=1)]
    role: Role
    areas: Areas | None = None
    expires_at: Moment | None = None


@router.get("/api-keys", responses=described(Page[ApiKey]))
async def list_api_keys(*, here: Here, who: Administrator, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List keys by id."""
    statement = sa.select(*[_key[name] for name in _SHOWN], _key.key_hash).order_by(_key.id).limit(10_000)
    if place := decode_cursor(cursor, int):
        statement = statement.where(_key.id > place[0])
    rows = [row for row in await here.database.rows(statement) if Scope(tuple(row["areas"])).within(who.scope)]
    known = await find_keys(here.database, [row["key_hash"] for row in rows[: limit + 1]], here.clock.now())
    items = [{name: row[name] for name in _SHOWN} | {"usable": row["key_hash"] in known} for row in rows[: limit + 1]]
    return page(items, limit, [(row["id"],) for row in rows])


@router.post("/api-keys", status_code=201, responses=described(NewApiKey, 409, status=201))
async def create_api_key(body: ApiKeyPost, writer: AdministratorWriter) -> Response:
    """Make a key. It is shown this once."""
    key = secrets.KEY_PREFIX + secrets.new_token()

    async def work(write: Write) -> Response:
        areas = body.areas if body.areas is not None else list(write.who.scope.areas)
        require_within(write.who, areas)
        _check_expiry(body.expires_at, write.now)
        row = await write.connection.fetchrow(
            SQL["add_key"],
            body.name,
            secrets.digest(key),
            key[:8],
            body.role,
            areas,
            write.who.actor,
            write.now,
            body.expires_at,
        )
        if row is None:
            raise Problem(409, "conflict", f"there is already a key named {body.name}")
        await write.record("api_key.create", body.name, role=body.role, areas=areas)
        shown: dict[str, Any] = {name: row[name] for name in _SHOWN}
        return answer(shown | {"usable": True, "key": key}, 201)

    return await writer.perform(work, secret=True)


def _check_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise invalid("expires_at", "must lie in the future")


@router.delete("/api-keys/{id}", status_code=204, responses=described(None, 404, status=204))
async def revoke_api_key(
    key_id: Annotated[int, Path(alias="id", ge=1, le=BIGINT)], writer: AdministratorWriter
) -> Response:
    """Revoke a key: it is refused from now on."""

    async def work(write: Write) -> Response:
        row = await write.connection.fetchrow(SQL["find_key"], key_id)
        if row is None or not Scope(tuple(row["areas"])).within(write.who.scope):
            raise not_found(f"key {key_id}")
        await write.connection.execute(SQL["revoke_key"], key_id, write.now)
        await pause_subscriptions(write, f"key:{row['name']}")
        await write.record("api_key.revoke", row["name"])
        return Response(status_code=204)

    return await writer.perform(work)
