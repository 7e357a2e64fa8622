"""Policies: times and thresholds that change without a release, and the drill."""

from datetime import timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from services.api import tables
from services.api.answers import Moment, Page, answer, described, page
from services.api.auth import Reader, require_county
from services.api.database import Inside, Reads
from services.api.problems import Problem, invalid, not_found
from services.api.roles import Permission, Who
from services.api.state import Here
from services.api.writing import Actor, AdministratorWriter, IfMatch, Write, check_match
from services.core.alarms.policies import DEFAULTS, read_policies

router = APIRouter(prefix="/api/v1", tags=["policies"])
LONGEST_DRILL = timedelta(hours=24)
_CLOSED = frozenset({"sms_gateway", "voice_gateway"})  # their headers hold passwords
PolicyName = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,64}$", examples=["fire_clocks"])]


class Policy(BaseModel):
    """Times and thresholds under one name. `body` is what holds; `defaults` what holds without a change."""

    name: str
    body: dict[str, Any]
    defaults: dict[str, Any]
    version: int
    updated_by: str | None
    updated_at: str | None


class DrillBody(BaseModel):
    """Until when everything that leaves is marked as a drill; null ends it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "2026-11-23T18:00:00+08:00"}]})

    until: Moment | None


async def read_all(reads: Reads, who: Who) -> list[dict[str, Any]]:
    """Return every policy with its defaults."""
    rows = {row["name"]: row for row in await reads.rows(sa.select(tables.policy))}
    shown = []
    for name, defaults in DEFAULTS.items():
        if name in _CLOSED and not who.may(Permission.ADMINISTER):
            continue
        row = rows.get(name)
        shown.append(
            {
                "name": name,
                "body": {**defaults, **(row["body"] if row else {})},
                "defaults": dict(defaults),
                "version": row["version"] if row else 0,
                "updated_by": row["updated_by"] if row else None,
                "updated_at": row["updated_at"] if row else None,
            }
        )
    return shown


async def _one(reads: Reads, who: Who, name: str) -> dict[str, Any]:
    for policy in await read_all(reads, who):
        if policy["name"] == name:
            return policy
    raise not_found(f"policy {name}")


@router.get("/policies", responses=described(Page[Policy]))
async def list_policies(here: Here, who: Reader) -> Response:
    """List every policy."""
    return page(await read_all(here.database, who), 1000, [])


@router.get("/policies/{name}", responses=described(Policy, 404, etag=True))
async def show_policy(name: PolicyName, here: Here, who: Reader) -> Response:
    """Show one policy."""
    shown = await _one(here.database, who, name)
    return answer(shown, version=shown["version"])


async def _store(write: Write, name: str, body: dict[str, Any]) -> Response:
    await write.connection.execute(
        """insert into policy as p (name, body, updated_by, updated_at) values ($1, $2, $3, $4)
           on conflict (name) do update set body = p.body || excluded.body, version = p.version + 1,
               updated_by = excluded.updated_by, updated_at = excluded.updated_at""",
        name,
        body,
        write.who.actor,
        write.now,
    )
    await write.record("policy.put", name, **({"fields": sorted(body)} if name in _CLOSED else {"body": body}))
    shown = await _one(Inside(write.connection), write.who, name)
    return answer(shown, version=shown["version"])


@router.put("/policies/drill", responses=described(Policy, etag=True))
async def set_drill(body: DrillBody, writer: Actor) -> Response:
    """Begin, move or end a drill: until then every notice says `drill: true`."""
    require_county(writer.who)

    async def work(write: Write) -> Response:
        if body.until is not None and body.until <= write.now:
            raise invalid("until", "must lie in the future; null ends the drill")
        if body.until is not None and body.until > write.now + LONGEST_DRILL:
            raise invalid("until", "must be at most 24 h ahead: a forgotten drill would hide real fires")
        return await _store(write, "drill", {"until": None if body.until is None else body.until.isoformat()})

    return await writer.perform(work)


def _check(name: str, body: dict[str, Any]) -> None:
    """Refuse fields that the policy has not, and values that cannot be read."""
    defaults = DEFAULTS.get(name)
    if defaults is None:
        raise not_found(f"policy {name}")
    for field, value in body.items():
        if field not in defaults:
            raise invalid(field, f"{name} has {', '.join(defaults)}")
        default = defaults[field]
        if isinstance(default, int) and not (type(value) in {int, float} and 0 <= value <= 31 * 86_400):
            raise invalid(field, "must be a number between 0 and 2678400")
        if isinstance(default, str | list | dict) and not isinstance(value, type(default)):
            raise invalid(field, f"must be a {type(default).__name__}")
    try:
        read_policies({name: {**defaults, **body}})
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(422, "invalid", f"{name} cannot be read so: {error!r}"[:500]) from error


@router.put("/policies/{name}", responses=described(Policy, 404, 412, etag=True))
async def put_policy(
    name: PolicyName,
    body: Annotated[dict[str, Any], Body(examples=[{"suspected_s": 180}])],
    writer: AdministratorWriter,
    if_match: IfMatch = None,
) -> Response:
    """Change fields of a policy; the others keep their value."""
    require_county(writer.who)
    _check(name, body)

    async def work(write: Write) -> Response:
        version = await write.connection.fetchval("select version from policy where name = $1 for update", name)
        check_match(if_match, version or 0)
        return await _store(write, name, body)

    return await writer.perform(work)
