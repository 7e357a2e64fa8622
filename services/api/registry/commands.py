"""Commands to a device: queued here, sent by ingest or the gateway, their replies and times listed."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.registry.devices import find_row
from services.api.registry.models import Number
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Inside
from services.api.request.described import described
from services.api.request.fields import DeviceCode, Line
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import invalid
from services.api.request.state import Here
from services.api.request.writing import Operator, Write
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1/devices/{code}", tags=["devices"])
_EXACT = 2**53 - 1  # whole numbers that every reader of JSON takes as they are
# Beside `Number`, which would make it `300.0`: firmware that reads whole numbers reads no fraction.
Whole = Annotated[int, Field(strict=True, ge=-_EXACT, le=_EXACT)]


class CommandBody(BaseModel):
    """A command to the device; what else is named goes along as its arguments."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"command": "guard_check", "timeout_min": 10}]}
    )

    __pydantic_extra__: dict[str, Line | Whole | Number | bool | None] = Field(init=False)

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
            SQL["add_command"],
            row["id"],
            body.command,
            arguments,
            write.who.actor,
            write.now,
        )
        await write.connection.execute(SQL["tell_senders"])
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
