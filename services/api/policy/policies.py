"""Policies: times and thresholds that change without a release, and the drill."""

from datetime import timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

from services.api.policy.gateways import GATEWAYS, mask_gateway, unmask_gateway
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader, require_county
from services.api.request.database import Inside, Reads
from services.api.request.described import described
from services.api.request.fields import Moment
from services.api.request.paging import Cursor, Limit, Page, page_of
from services.api.request.problems import FieldError, invalid, invalid_fields, not_found
from services.api.request.roles import Permission, Who
from services.api.request.state import Here
from services.api.request.versions import IfMatch, check_match
from services.api.request.writing import Actor, AdministratorWriter, Write
from services.core.alarms.policies import DEFAULTS, check_policy, parse_policies
from services.core.outbound import refusal_of_url
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["policies"])
LONGEST_DRILL = timedelta(hours=24)
PolicyName = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,64}$", examples=["fire_clocks"])]


class Policy(BaseModel):
    """Times and thresholds under one name. `body` is in force; `defaults` would be without changes."""

    name: str
    body: dict[str, Any]
    defaults: dict[str, Any]
    version: int
    updated_by: str | None
    updated_at: str | None
    faults: list[FieldError] = Field(
        default=[], description="what is stored and cannot be used: the default of that field holds instead"
    )


class DrillBody(BaseModel):
    """Until when everything that leaves is marked as a drill; null ends it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "2026-11-23T18:00:00+08:00"}]})

    until: Moment | None


async def read_all(reads: Reads, who: Who) -> list[dict[str, Any]]:
    """Return every policy one may see with its defaults, secrets masked."""
    policy = tables.policy.c
    # as text: the table may hold JSON that no parser of ours reads
    columns = (policy.name, policy.version, policy.updated_by, policy.updated_at, sa.cast(policy.body, sa.Text))
    rows = {row["name"]: row for row in await reads.rows(sa.select(*columns))}
    policies = parse_policies({name: row["body"] for name, row in rows.items()})
    shown = []
    for name, defaults in DEFAULTS.items():
        if name in GATEWAYS and not (who.may(Permission.ADMINISTER) and who.scope.county):
            continue
        row, body = rows.get(name), policies.bodies[name]
        shown.append(
            {
                "name": name,
                "body": mask_gateway(body) if name in GATEWAYS else dict(body),
                "defaults": dict(defaults),
                "version": row["version"] if row else 0,
                "updated_by": row["updated_by"] if row else None,
                "updated_at": row["updated_at"] if row else None,
                "faults": [
                    {"field": fault.field, "message": fault.error} for fault in policies.faults if fault.policy == name
                ],
            }
        )
    return shown


async def _one(reads: Reads, who: Who, name: str) -> dict[str, Any]:
    for policy in await read_all(reads, who):
        if policy["name"] == name:
            return policy
    raise not_found(f"policy {name}")


@router.get("/policies", responses=described(Page[Policy]))
async def list_policies(here: Here, who: Reader, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    """List every policy."""
    return page_of(await read_all(here.database, who), "name", limit, cursor)


@router.get("/policies/{name}", responses=described(Policy, 404, etag=True))
async def show_policy(name: PolicyName, here: Here, who: Reader) -> Response:
    """Show one policy."""
    shown = await _one(here.database, who, name)
    return answer(shown, version=shown["version"])


async def _store(write: Write, name: str, body: dict[str, Any], if_match: str | None = None) -> Response:
    version = await write.connection.fetchval(
        SQL["set_policy"],
        name,
        body,
        write.who.actor,
        write.now,
    )
    check_match(if_match, version - 1)  # somebody else wrote the row for the first time at the same moment
    shown = await _one(Inside(write.connection), write.who, name)
    said = {field: shown["body"][field] for field in body}  # masked as everybody reads it
    await write.record("policy.put", name, body=said)
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
    """Refuse fields that the policy does not have, and values that it cannot use."""
    for field in body:
        if field not in DEFAULTS[name]:
            raise invalid(field, f"the policy {name} has {', '.join(DEFAULTS[name])}")
    try:
        check_policy(name, body)
    except ValidationError as error:
        raise invalid_fields(error.errors(include_url=False, include_input=False, include_context=False)) from None


@router.put("/policies/{name}", responses=described(Policy, 404, 412, etag=True))
async def put_policy(
    name: PolicyName,
    body: Annotated[dict[str, Any], Body(examples=[{"suspected_s": 180}])],
    here: Here,
    writer: AdministratorWriter,
    if_match: IfMatch = None,
) -> Response:
    """Change fields of a policy; the others keep their value."""
    require_county(writer.who)
    if name not in DEFAULTS:
        raise not_found(f"policy {name}")
    _check(name, body)

    async def work(write: Write) -> Response:
        row = await write.connection.fetchrow(SQL["lock_policy"], name)
        check_match(if_match, row["version"] if row else 0)
        changed = body
        if name in GATEWAYS:
            stored = parse_policies({name: row["body"]} if row else {}).bodies[name]
            changed = unmask_gateway(body, stored)
            _check(name, changed)
            url = changed.get("url")
            why = refusal_of_url(url, here.settings.allowed_networks(county=True)) if url else None
            if why is not None:
                raise invalid("url", why)
        return await _store(write, name, changed, if_match)

    return await writer.perform(work)
