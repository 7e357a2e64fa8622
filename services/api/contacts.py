"""Contacts: people who are called when an alarm is not answered or the desk does not accept."""

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from services.api import tables
from services.api.answers import BIGINT, AreaCode, Cursor, Limit, Line, Page, answer, decode_cursor, described, page
from services.api.auth import Allowed
from services.api.database import Inside, Reads, Row, first
from services.api.problems import Problem, not_found
from services.api.roles import Permission, Who
from services.api.state import Here
from services.api.writing import AdministratorWriter, IfMatch, Write, check_match

router = APIRouter(prefix="/api/v1", tags=["contacts"])
_contact = tables.contact.c
ContactId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]
Caller = Annotated[Who, Depends(Allowed(Permission.OPERATE))]
Channel = Literal["webhook", "sms", "voice"]


class Contact(BaseModel):
    """Somebody who is called."""

    id: int
    name: str
    channel: Channel
    address: str
    area: str | None
    settings: dict[str, Any]
    enabled: bool
    version: int


class ContactPut(BaseModel):
    """Whom to call, how, and for which area (null: the whole county)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "值班队长", "channel": "sms", "address": "13800000000"}]}
    )

    name: Annotated[Line, Field(min_length=1)]
    channel: Channel
    address: Annotated[Line, Field(min_length=1)]
    area: AreaCode | None = None
    settings: dict[Line, Line | int | bool | None] = Field(default={}, max_length=20)
    enabled: bool = True

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        if self.channel == "webhook":
            parts = urlsplit(self.address)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError("address: must be an http or https URL")
        elif not self.address.lstrip("+").replace("-", "").isdigit():
            raise ValueError("address: must be a telephone number")
        return self


async def _find(reads: Reads, who: Who, contact_id: int) -> Row:
    row = await first(reads, sa.select(tables.contact).where(_contact.id == contact_id))
    if row is None or not who.scope.covers(row["area"]):
        raise not_found(f"contact {contact_id}")
    return row


def _shown(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in Contact.model_fields}


def _require(who: Who, area: str | None) -> None:
    if not who.scope.covers(area):
        raise Problem(403, "forbidden", "area: your account does not cover it")


@router.get("/contacts", responses=described(Page[Contact]))
async def list_contacts(*, here: Here, who: Caller, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List contacts by id."""
    statement = sa.select(tables.contact).where(who.scope.clause(_contact.area))
    if place := decode_cursor(cursor, int):
        statement = statement.where(_contact.id > place[0])
    rows = await here.database.rows(statement.order_by(_contact.id).limit(limit + 1))
    return page([_shown(row) for row in rows], limit, [(row["id"],) for row in rows])


@router.get("/contacts/{id}", responses=described(Contact, 404, etag=True))  # noqa: FAST003 - aliased in ContactId
async def show_contact(contact_id: ContactId, here: Here, who: Caller) -> Response:
    """Show one contact."""
    row = await _find(here.database, who, contact_id)
    return answer(_shown(row), version=row["version"])


@router.post("/contacts", status_code=201, responses=described(Contact, status=201, etag=True))
async def create_contact(body: ContactPut, writer: AdministratorWriter) -> Response:
    """Add a contact."""

    async def work(write: Write) -> Response:
        _require(write.who, body.area)
        made = await write.connection.fetchval(
            """insert into contact (name, channel, address, area, settings, enabled)
               values ($1, $2, $3, $4, $5, $6) returning id""",
            *body.model_dump().values(),
        )
        await write.record("contact.create", f"contact:{made}", **body.model_dump())
        row = await _find(Inside(write.connection), write.who, made)
        return answer(_shown(row), 201, version=row["version"])

    return await writer.perform(work)


@router.put("/contacts/{id}", responses=described(Contact, 404, 412, etag=True))  # noqa: FAST003 - aliased in ContactId
async def update_contact(
    contact_id: ContactId, body: ContactPut, writer: AdministratorWriter, if_match: IfMatch = None
) -> Response:
    """Replace a contact."""

    async def work(write: Write) -> Response:
        row = await _find(Inside(write.connection), write.who, contact_id)
        check_match(if_match, row["version"])
        _require(write.who, body.area)
        await write.connection.execute(
            """update contact set name = $2, channel = $3, address = $4, area = $5, settings = $6, enabled = $7,
               version = version + 1 where id = $1""",
            contact_id,
            *body.model_dump().values(),
        )
        await write.record("contact.update", f"contact:{contact_id}", **body.model_dump())
        row = await _find(Inside(write.connection), write.who, contact_id)
        return answer(_shown(row), version=row["version"])

    return await writer.perform(work)


@router.delete("/contacts/{id}", status_code=204, responses=described(None, 404, status=204))  # noqa: FAST003 - aliased
async def delete_contact(contact_id: ContactId, writer: AdministratorWriter) -> Response:
    """Remove a contact."""

    async def work(write: Write) -> Response:
        row = await _find(Inside(write.connection), write.who, contact_id)
        await write.connection.execute("delete from contact where id = $1", contact_id)
        await write.record("contact.delete", f"contact:{contact_id}", name=row["name"])
        return Response(status_code=204)

    return await writer.perform(work)
