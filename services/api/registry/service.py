"""What people do with a device: take it out of service, send it a command, give it an account at the broker."""

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.registry.devices import find_device, find_row
from services.api.registry.models import Device, Number
from services.api.request import tables
from services.api.request.answers import (
    Cursor,
    DeviceCode,
    Limit,
    Line,
    Moment,
    Page,
    answer,
    decode_cursor,
    described,
    page,
)
from services.api.request.auth import Reader
from services.api.request.database import Inside
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.state import Here, State
from services.api.request.writing import Maintainer, Operator, Write
from services.core.errors import FiretowerError
from services.core.log import logger
from services.core.mqtt import SessionConfig
from services.core.mqtt_ask import ask

router = APIRouter(prefix="/api/v1/devices/{code}", tags=["devices"])
log = logger(__name__)
LONGEST_OUT_OF_SERVICE = timedelta(days=90)
DEVICE_ROLE = "device"
_ASK_S = 3.0


class OutOfServiceBody(BaseModel):
    """Until when (null: it is back), and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"until": "2026-11-24T18:00:00+08:00", "reason": "更换阀体"}]}
    )

    until: Moment | None
    reason: Line = ""


class CommandBody(BaseModel):
    """A command to the device; what else is named goes along as its arguments."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"command": "guard_check", "timeout_min": 10}]}
    )

    __pydantic_extra__: dict[str, Line | Number | bool | None] = Field(init=False)

    command: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    timeout_min: Annotated[int, Field(ge=1, le=255)] | None = None


class Command(BaseModel):
    """A command with its reply and times."""

    id: str
    device: str
    command: str
    arguments: dict[str, Any]
    state: Literal["queued", "sent", "replied", "late", "unanswered", "failed"]
    created_by: str
    created_at: str
    answer_by: str | None
    sent_at: str | None
    replied_at: str | None
    reply: Any
    error: str | None


class Credentials(BaseModel):
    """The device's account at the broker; the password is shown this once."""

    username: str
    password: str
    client_id: str
    host: str | None
    port: int | None
    topics: dict[str, str]


@router.post("/out-of-service", responses=described(Device, 404, etag=True))
async def take_out_of_service(code: DeviceCode, body: OutOfServiceBody, writer: Operator) -> Response:
    """Take a device out of service until a time. Never mutes a fire."""

    async def work(write: Write) -> Response:
        inside = Inside(write.connection)
        row = await find_row(inside, write.who, code)
        if body.until is not None:
            if body.until <= write.now:
                raise invalid("until", "must lie in the future; null puts the device back into service")
            if body.until > write.now + LONGEST_OUT_OF_SERVICE:
                raise invalid("until", f"must be at most {LONGEST_OUT_OF_SERVICE.days} days ahead")
            if not body.reason:
                raise invalid("reason", "say why")
        ended = body.until is None
        await write.connection.execute(
            """update device set out_of_service_until = $2, out_of_service_reason = $3, out_of_service_by = $4,
               version = version + 1, updated_at = $5 where id = $1""",
            row["id"],
            body.until,
            None if ended else body.reason,
            None if ended else write.who.actor,
            write.now,
        )
        await write.record("device.out_of_service", code, until=body.until, reason=body.reason)
        shown = await find_device(inside, write.who, code, write.now)
        return answer(shown, version=shown["version"])

    return await writer.perform(work)


_command = tables.command.c


def _select_commands() -> "sa.Select[Any]":
    return sa.select(tables.command, tables.device.c.code.label("device")).join(
        tables.device, tables.device.c.id == _command.device_id
    )


def _shown(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in Command.model_fields}


@router.post("/commands", status_code=201, responses=described(Command, 404, status=201))
async def send_command(code: DeviceCode, body: CommandBody, writer: Operator) -> Response:
    """Queue a command. It goes to the last topic the device used; reply and times come back to this record."""
    extra = body.model_extra or {}
    if len(extra) > 20 or len(orjson.dumps(extra, default=str)) > 4096:
        raise invalid("body", "at most 20 further fields of 4096 bytes in all")

    async def work(write: Write) -> Response:
        row = await find_row(Inside(write.connection), write.who, code)
        arguments = dict(extra)
        if body.timeout_min is not None:
            arguments["timeout_min"] = body.timeout_min
        command_id = await write.connection.fetchval(
            """insert into command (device_id, command, arguments, created_by, created_at)
               values ($1, $2, $3, $4, $5) returning id""",
            row["id"],
            body.command,
            arguments,
            write.who.actor,
            write.now,
        )
        await write.connection.execute("select pg_notify('firetower_command', '')")
        await write.record("device.command", code, command=body.command, id=str(command_id), arguments=arguments)
        rows = await Inside(write.connection).rows(_select_commands().where(_command.id == command_id))
        return answer(_shown(rows[0]), 201)

    return await writer.perform(work)


@router.get("/commands", responses=described(Page[Command], 404))
async def list_commands(
    *, code: DeviceCode, here: Here, who: Reader, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """List a device's commands, newest first."""
    row = await find_row(here.database, who, code)
    statement = _select_commands().where(_command.device_id == row["id"])
    if place := decode_cursor(cursor, datetime, UUID):
        at, command_id = sa.literal(place[0], sa.DateTime(timezone=True)), sa.literal(place[1], sa.Uuid())
        statement = statement.where(
            sa.or_(_command.created_at < at, sa.and_(_command.created_at == at, _command.id > command_id))
        )
    rows = await here.database.rows(statement.order_by(_command.created_at.desc(), _command.id).limit(limit + 1))
    return page([_shown(row) for row in rows], limit, [(row["created_at"], row["id"]) for row in rows])


@router.post("/credentials", status_code=201, responses=described(Credentials, 404, 409, 502, status=201))
async def issue_credentials(code: DeviceCode, here: Here, writer: Maintainer) -> Response:
    """Make the device's account at the broker, or give it a new password. The password is shown this once."""
    await find_row(here.database, writer.who, code)
    password = secrets.token_urlsafe(18)
    if not await writer.repeats():
        await _set_account(here, code, password)

    async def work(write: Write) -> Response:
        row = await write.connection.fetchrow("select kind, area from device where code = $1", code)
        if row is None:
            raise not_found(f"device {code}")
        await write.record("device.credentials", code)
        broker = urlsplit(here.settings.device_mqtt_url or here.settings.mqtt_url)
        base = f"fire/v1/{row['area']}/{row['kind']}/{code}"
        body = {
            "username": code, "password": password, "client_id": code, "host": broker.hostname, "port": broker.port,
            "topics": {"telemetry": f"{base}/up/telemetry", "event": f"{base}/up/event",
                       "status": f"{base}/up/status", "ack": f"{base}/down/ack", "command": f"{base}/down/command"},
        }  # fmt: skip
        return answer(body, 201)

    return await writer.perform(work, secret=True)


async def _set_account(here: State, code: str, password: str) -> None:
    """Tell the broker's dynamic-security plug-in of the account.

    Raises:
        Problem: 502, the broker does not answer or refuses.
    """
    config = SessionConfig.from_url(here.settings.mqtt, f"firetower.api.{secrets.token_hex(6)}")
    roles = [{"rolename": DEVICE_ROLE}]
    create = {"command": "createClient", "username": code, "password": password, "roles": roles}
    modify = {"command": "modifyClient", "username": code, "password": password, "roles": roles}
    try:
        refusal = await _control(config, create)
        if refusal is not None and "exists" in refusal.lower():
            refusal = await _control(config, modify)
    except (TimeoutError, OSError, FiretowerError) as error:
        log.warning("broker_away", error=repr(error))
        raise Problem(502, "broker_away", "the broker does not answer; try again shortly") from error
    if refusal is not None:
        raise Problem(502, "broker_refused", f"the broker refused to make the account: {refusal}")


async def _control(config: SessionConfig, command: dict[str, Any]) -> str | None:
    """Return why the broker refused, or None."""
    raw = orjson.loads(await ask(config, orjson.dumps({"commands": [command]}), timeout_s=_ASK_S))
    answers = raw.get("responses") or [{}]
    refusal: str | None = answers[0].get("error")
    return refusal
