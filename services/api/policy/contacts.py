"""Contacts: people who are called when an alarm is not answered or the desk does not accept."""

import re
from typing import Annotated, Any, ClassVar

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from starlette.responses import Response

from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Allowed
from services.api.request.database import Inside, Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import BIGINT, AreaCode, Line
from services.api.request.known_fields import KnownFields
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.roles import Permission, Who
from services.api.request.state import Here, State
from services.api.request.versions import IfMatch, check_match
from services.api.request.writing import AdministratorWriter, Write
from services.core.masks import MASK, MaskMisplaced, mask_headers, mask_url, unmask
from services.core.outbound import refusal_of_url
from services.core.receivers import MAX_URL, Headers, SuccessRule, check_url, same_origin
from services.core.statements import load_queries
from services.core.words import CallChannel

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["contacts"])
_contact = tables.contact.c
ContactId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]
Caller = Annotated[Who, Depends(Allowed(Permission.OPERATE))]
_NUMBER = re.compile(r"\+?[0-9][0-9-]{1,39}")


class Contact(BaseModel):
    """Somebody who is called."""

    id: int
    name: str
    channel: CallChannel
    address: str
    area: str | None
    settings: dict[str, Any]
    enabled: bool
    version: int


class ContactSettings(BaseModel):
    """What a webhook wants beside its address."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"headers": {"Authorization": "Bearer abc"}, "success": None}]},
    )

    headers: Headers = {}
    success: SuccessRule | None = None


class ContactPut(KnownFields):
    """Whom to call, how, and for which area (null: the whole county)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "值班队长", "channel": "sms", "address": "13800000000"}]}
    )

    answered: ClassVar = frozenset(Contact.model_fields)

    name: Annotated[Line, Field(min_length=1)]
    channel: CallChannel
    address: Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL, strip_whitespace=True)]
    area: AreaCode | None = None
    settings: ContactSettings = ContactSettings()
    enabled: bool = True

    @field_validator("address")
    @classmethod
    def _check_address(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("channel") == "webhook":
            return check_url(value)
        if not _NUMBER.fullmatch(value):
            raise ValueError("must be a telephone number")
        return value

    def values(self) -> dict[str, Any]:
        """Return the columns of the row, in their order."""
        settings = {"headers": self.settings.headers} if self.settings.headers else {}
        if self.settings.success is not None:
            settings["success"] = self.settings.success.model_dump(mode="json", by_alias=True, exclude_none=True)
        return self.model_dump(exclude={"settings"}) | {"settings": settings}


# as text: the table may hold JSON that no parser of ours reads
_COLUMNS = tuple(column for column in _contact if column.name != "settings")
_SELECT = sa.select(*_COLUMNS, sa.cast(_contact.settings, sa.Text).label("settings"))


async def _find(reads: Reads, who: Who, contact_id: int) -> Row:
    row = await first(reads, _SELECT.where(_contact.id == contact_id))
    if row is None or not who.scope.covers(row["area"]):
        raise not_found(f"contact {contact_id}")
    return row


def _shown(row: Row) -> dict[str, Any]:
    """Return a contact as people may read it: the secrets of its address and headers are written, never read back."""
    shown = {name: row[name] for name in Contact.model_fields}
    stored = _settings(row)
    shown["settings"] = stored | ({"headers": mask_headers(_headers(row))} if "headers" in stored else {})
    if row["channel"] == "webhook":
        shown["address"] = mask_url(row["address"])
    return shown


def _settings(row: Row) -> dict[str, Any]:
    try:
        stored = orjson.loads(row["settings"])
    except orjson.JSONDecodeError:
        return {}
    return stored if isinstance(stored, dict) else {}


def _headers(row: Row) -> dict[str, Any]:
    headers = _settings(row).get("headers")
    return headers if isinstance(headers, dict) else {}


def _unmask(sent: ContactPut, row: Row) -> ContactPut:
    """Return what was sent with its masks replaced by what is stored.

    Raises:
        Problem: 422, a mask has nothing to stand for, or stored headers would go to another host.
    """
    shown, headers = _shown(row), _headers(row)
    try:
        address = unmask(sent.address, row["address"], shown["address"], place="address")
        whole = unmask(sent.settings.headers, headers, mask_headers(headers), place="settings.headers")
    except MaskMisplaced as misplaced:
        field, _, message = str(misplaced).partition(": ")
        raise invalid(field, message) from None
    if whole != sent.settings.headers and not same_origin(address, row["address"]):
        raise invalid("settings.headers", "the address leads to another host: write the headers for it anew, or {}")
    settings = sent.settings.model_copy(update={"headers": whole})
    return sent.model_copy(update={"address": address, "settings": settings})


def _require(who: Who, area: str | None) -> None:
    if not who.scope.covers(area):
        raise Problem(403, "forbidden", "area: your account does not cover it")


@router.get("/contacts", responses=described(Page[Contact]))
async def list_contacts(*, here: Here, who: Caller, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List contacts by id."""
    statement = _SELECT.where(who.scope.clause(_contact.area))
    if place := decode_cursor(cursor, int):
        statement = statement.where(_contact.id > place[0])
    rows = await here.database.rows(statement.order_by(_contact.id).limit(limit + 1))
    return page([_shown(row) for row in rows], limit, [(row["id"],) for row in rows])


@router.get("/contacts/{id}", responses=described(Contact, 404, etag=True))  # noqa: FAST003 - aliased in ContactId
async def show_contact(contact_id: ContactId, here: Here, who: Caller) -> Response:
    """Show one contact."""
    row = await _find(here.database, who, contact_id)
    return answer(_shown(row), version=row["version"])


def _check(here: State, who: Who, body: ContactPut) -> None:
    """Refuse an address that alerts would never call."""
    why = None
    if body.channel == "webhook":
        why = refusal_of_url(body.address, here.settings.allowed_networks(county=who.scope.county))
    if why is not None:
        raise invalid("address", why)


@router.post("/contacts", status_code=201, responses=described(Contact, status=201, etag=True))
async def create_contact(body: ContactPut, here: Here, writer: AdministratorWriter) -> Response:
    """Add a contact."""
    _check(here, writer.who, body)

    async def work(write: Write) -> Response:
        _require(write.who, body.area)
        if MASK in body.address or MASK in body.settings.headers.values():
            raise invalid("address" if MASK in body.address else "settings.headers", f"{MASK} stands for nothing yet")
        made = await write.connection.fetchval(
            SQL["add_contact"],
            *body.values().values(),
            write.who.scope.county,
        )
        return await _record(write, "contact.create", made, status=201)

    return await writer.perform(work)


@router.put("/contacts/{id}", responses=described(Contact, 404, 412, etag=True))  # noqa: FAST003 - aliased in ContactId
async def update_contact(
    contact_id: ContactId, body: ContactPut, here: Here, writer: AdministratorWriter, if_match: IfMatch = None
) -> Response:
    """Replace a contact. A mask that was read and is written back keeps what is stored."""

    async def work(write: Write) -> Response:
        await write.connection.execute(SQL["lock_contact"], contact_id)
        row = await _find(Inside(write.connection), write.who, contact_id)
        check_match(if_match, row["version"])
        _require(write.who, body.area)
        whole = _unmask(body, row)
        _check(here, write.who, whole)
        await write.connection.execute(
            SQL["set_contact"],
            contact_id,
            *whole.values().values(),
            write.who.scope.county,
        )
        return await _record(write, "contact.update", contact_id)

    return await writer.perform(work)


async def _record(write: Write, action: str, contact_id: int, status: int = 200) -> Response:
    """Audit the contact as everybody may read it, and answer it."""
    row = await _find(Inside(write.connection), write.who, contact_id)
    shown = _shown(row)
    said = {name: value for name, value in shown.items() if name not in {"id", "version"}}
    await write.record(action, f"contact:{contact_id}", **said)
    return answer(shown, status, version=row["version"])


@router.delete("/contacts/{id}", status_code=204, responses=described(None, 404, 412, status=204))  # noqa: FAST003
async def delete_contact(contact_id: ContactId, writer: AdministratorWriter, if_match: IfMatch = None) -> Response:
    """Remove a contact."""

    async def work(write: Write) -> Response:
        await write.connection.execute(SQL["lock_contact"], contact_id)
        row = await _find(Inside(write.connection), write.who, contact_id)
        check_match(if_match, row["version"])
        await write.connection.execute(SQL["delete_contact"], contact_id)
        await write.record("contact.delete", f"contact:{contact_id}", name=row["name"])
        return Response(status_code=204)

    return await writer.perform(work)
