"""Townships with a system of their own: account and key of their relay, and how each link does (contract 10)."""

import secrets as random
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from services.api.people.users import require_within
from services.api.registry.broker import require_done, tell_broker, told_address
from services.api.request import secrets, tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.described import described
from services.api.request.fields import AreaCode
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, not_found
from services.api.request.roles import Role
from services.api.request.scope import Scope
from services.api.request.state import Here, State
from services.api.request.writing import AdministratorWriter, Write
from services.core.alarms.policies import parse_policies
from services.core.mqtt_ask import Command
from services.core.statements import load_queries
from services.core.topics import ROOT

SQL = load_queries(__file__)
ACCOUNT = "relay."  # and the township's name: the account, its role at the broker and its key bear it

router = APIRouter(prefix="/api/v1/townships", tags=["townships"])
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,48}$")]
NamePath = Annotated[Name, Path(alias="name")]
_township = tables.township.c
_SHOWN = (
    "name", "areas", "created_by", "created_at", "last_heard", "version", "backlog_rows", "backlog_s", "heard_until",
)  # fmt: skip


class Township(BaseModel):
    """The link to a township's own system."""

    name: str = Field(examples=["dongguan"])
    areas: list[str]
    username: str = Field(description="its account at this broker")
    created_by: str
    created_at: str
    last_heard: str | None = Field(description="null: never yet")
    silent: bool = Field(description="heard once, and not for `township_silent_s` of the policy `health`: 60 s")
    version: str | None = Field(description="of its system")
    backlog_rows: int | None = Field(description="stored there and not yet here, when it was last heard")
    backlog_s: float | None = Field(description="the age of the oldest of them")
    heard_until: str | None = Field(description="up to when the silence of its devices is known to be silence")


class NewTownship(Township):
    """A new link. Password and key are shown this once."""

    password: str
    host: str | None
    port: int | None
    tls: bool
    mqtt_url: str = Field(description="FIRETOWER_RELAY_MQTT_URL there; a relay inside the county may need another host")
    api_key: str = Field(description="FIRETOWER_RELAY_API_KEY there")


class TownshipPost(BaseModel):
    """A township that runs a system of its own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "dongguan", "areas": ["140931100"]}]})

    name: Name
    areas: Annotated[
        list[AreaCode],
        Field(min_length=1, max_length=100, description="exact codes, as in its devices' topics; villages one by one"),
    ]


def _shown(row: Any, *, silent: bool) -> dict[str, Any]:
    return {name: row[name] for name in _SHOWN} | {"username": ACCOUNT + row["name"], "silent": silent}


async def _silent_after(here: State) -> timedelta:
    """Return after what silence `township_silent` is raised."""
    policy = tables.policy.c
    columns = policy.name, sa.cast(policy.body, sa.Text)
    rows = await here.database.rows(sa.select(*columns).where(policy.name == "health"))
    policies = parse_policies({row["name"]: row["body"] for row in rows})
    return timedelta(seconds=policies.number("health", "township_silent_s"))


@router.get("", responses=described(Page[Township]))
async def list_townships(*, here: Here, who: Reader, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List the links by name."""
    statement = sa.select(tables.township).order_by(_township.name).limit(10_000)
    if place := decode_cursor(cursor, str):
        statement = statement.where(_township.name > place[0])
    rows = [row for row in await here.database.rows(statement) if Scope(tuple(row["areas"])).within(who.scope)]
    silent_since = here.clock.now() - await _silent_after(here)

    def is_silent(row: Any) -> bool:
        return row["last_heard"] is not None and row["last_heard"] < silent_since

    shown = [_shown(row, silent=is_silent(row)) for row in rows[: limit + 1]]
    return page(shown, limit, [(row["name"],) for row in rows])


@router.post("", status_code=201, responses=described(NewTownship, 409, 502, status=201))
async def create_township(body: TownshipPost, here: Here, writer: AdministratorWriter) -> Response:
    """Make the account and the key of a township's relay. Both are shown this once."""
    areas = sorted(set(body.areas))
    require_within(writer.who, areas)
    key, password = secrets.KEY_PREFIX + secrets.new_token(), random.token_urlsafe(24)
    account = ACCOUNT + body.name

    async def work(write: Write) -> Response:
        hint, actor = key[:8], write.who.actor
        broker, host, port = told_address(here.settings)
        row = await write.connection.fetchrow(
            SQL["add"], body.name, areas, account, secrets.digest(key), hint, Role.DUTY_OFFICER, actor, write.now,
            f"{host}:{port}",
        )  # fmt: skip
        if row is None:
            raise Problem(409, "conflict", f"there is already a township or a key of the name {body.name}")
        await write.connection.execute(SQL["tell"])
        await write.record("township.create", body.name, areas=areas)
        shown = _shown(row, silent=False) | {
            "password": password, "host": broker.hostname, "port": port, "tls": broker.scheme == "mqtts",
            "mqtt_url": f"{broker.scheme}://{account}:{quote(password)}@{host}:{port}", "api_key": key,
        }  # fmt: skip
        return answer(shown, 201)

    made = await writer.perform(work, secret=True)
    try:  # after the commit: of two who make the same, only the one whose row stands sets the password
        *_, role, client = await tell_broker(here, [*_without(account), *_with(account, password, areas)])
        require_done(role or client)
    except Problem:
        async with writer.taking_back() as write:
            await write.connection.execute(SQL["remove"], body.name)
        raise
    return made


def _with(account: str, password: str, areas: list[str]) -> list[Command]:
    """Return what makes the account: it publishes what devices of `areas` may, and reads what is sent to them."""
    ways = (("publishClientSend", "up"), ("subscribePattern", "down"), ("publishClientReceive", "down"))
    acls = [{"acltype": acl, "topic": f"{ROOT}/{area}/+/+/{way}/#"} for area in areas for acl, way in ways]
    role = {"rolename": account, "acls": [acl | {"priority": 0, "allow": True} for acl in acls]}
    client = {"username": account, "password": password, "roles": [{"rolename": account}]}
    return [{"command": "createRole"} | role, {"command": "createClient"} | client]


def _without(account: str) -> list[Command]:
    """Return what removes the account, and ends its session if there is one."""
    return [{"command": "deleteClient", "username": account}, {"command": "deleteRole", "rolename": account}]


def _other_broker(broker: str) -> Problem:
    detail = (
        f"the account was made at {broker}, and there it still holds: end the link at the API of that broker, "
        "or with broker_gone=true if there is none any more"
    )
    detail_zh = (
        f"该账号建在消息服务器 {broker} 上，仍然有效：请在那一侧的 API 上解除；该服务器已不存在时加 broker_gone=true"
    )
    return Problem(409, "other_broker", detail, detail_zh=detail_zh)


@router.delete("/{name}", status_code=204, responses=described(None, 404, 409, 502, status=204))
async def remove_township(
    *,
    name: NamePath,
    here: Here,
    writer: AdministratorWriter,
    broker_gone: Annotated[bool, Query(description="the broker of its account is another one, and is no more")] = False,
) -> Response:
    """End the link: its account and its key are refused from now on. What came over it stays.

    With several brokers, at the API of the one that has the account.
    """
    rows = await here.database.rows(sa.select(_township.areas, _township.broker).where(_township.name == name))
    if not rows or not Scope(tuple(rows[0]["areas"])).within(writer.who.scope):
        raise not_found(f"township {name}")
    refusals = await tell_broker(here, _without(ACCOUNT + name))
    require_done(next((refusal for refusal in refusals if refusal and "not found" not in refusal.lower()), None))
    _, host, port = told_address(here.settings)
    if refusals[0] and not broker_gone and rows[0]["broker"] not in {None, f"{host}:{port}"}:
        raise _other_broker(rows[0]["broker"])  # else it is gone already: this is a repeat, or the broker was renamed

    async def work(write: Write) -> Response:
        if await write.connection.fetchval(SQL["remove"], name) is None:
            raise not_found(f"township {name}")
        await write.record("township.remove", name)
        return Response(status_code=204)

    return await writer.perform(work)
