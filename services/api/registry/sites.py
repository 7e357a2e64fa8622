"""Sites (联网单位): who is responsible, how to get in, and test windows."""

from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.registry.areas import take_area
from services.api.registry.models import GivenLocation, Location
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Inside, Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import BIGINT, AreaCode, AreaFilter, Line, Moment, Words
from services.api.request.known_fields import KnownFields
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import invalid, not_found
from services.api.request.roles import Who
from services.api.request.state import Here
from services.api.request.versions import IfMatch, check_match
from services.api.request.writing import Maintainer, Operator, Write
from services.core.alarms.ledger import acts
from services.core.prevention.risk import RiskGrade
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["sites"])
LONGEST_TEST = timedelta(hours=8)  # contract 5
_site, _risk = tables.site.c, tables.site_risk.c
SiteId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]


class SiteContact(BaseModel):
    """Somebody to call."""

    name: Line
    role: Line = ""
    phone: Line = ""


class SiteRisk(BaseModel):
    """Its graded risk; the reasons are at `/api/v1/sites/{id}/risk`."""

    score: int
    grade: RiskGrade


class Site(BaseModel):
    """A site."""

    id: int
    name: str
    area: str
    address: str
    location: Location | None
    contacts: list[SiteContact]
    access_note: str
    test_window_until: str | None
    test_window_reason: str | None
    test_window_by: str | None
    false_alarms_30d: int
    risk: SiteRisk | None = Field(description="null: not scored yet")
    version: int


class GivenContact(KnownFields, SiteContact):
    """Somebody to call, as a person says."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "王建国", "role": "消防安全管理人", "phone": "0350-7320119"}]}
    )


class SitePut(KnownFields):
    """What a person says of a site. Fields left out keep their value (new: are empty)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "保德县人民医院",
                    "area": "140931100",
                    "address": "府前街 1 号",
                    "location": {"lon": 111.089, "lat": 39.021},
                    "contacts": [{"name": "王建国", "role": "消防安全管理人", "phone": "0350-7320119"}],
                    "access_note": "南门进，消防控制室在一层",
                }
            ]
        }
    )

    answered: ClassVar = frozenset(Site.model_fields)

    name: Annotated[Line, Field(min_length=1)] | None = None
    area: AreaCode | None = None
    address: Line | None = None
    location: GivenLocation | None = None
    contacts: list[GivenContact] | None = Field(default=None, max_length=50)
    access_note: Words | None = None


class WindowBody(BaseModel):
    """Until when the panel of the site is tested (at most 8 h ahead; null ends it), and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"until": "2026-11-23T18:00:00+08:00", "reason": "季度联动测试"}]}
    )

    until: Moment | None
    reason: Line = ""


_FALSE = (
    sa.select(sa.func.count())
    .select_from(tables.alarm)
    .where(
        tables.alarm.c.site_id == _site.id,
        tables.alarm.c.area.startswith(_site.area),  # else the count would tell a township of its neighbour
        tables.alarm.c.verification == "false",
        sa.or_(*(at > sa.func.now() - timedelta(days=30) for at in (tables.alarm.c.opened_at, tables.alarm.c.since))),
    )
    .scalar_subquery()
    .label("false_alarms_30d")
)


def select_sites() -> "sa.Select[Any]":
    """Return the statement that reads sites."""
    joined = tables.site.outerjoin(tables.site_risk, _risk.site_id == _site.id)
    return sa.select(tables.site, _FALSE, _risk.score, _risk.grade).select_from(joined)


def site_document(row: Row) -> dict[str, Any]:
    """Return the site of contract 5."""
    names = ("id", "name", "area", "address", "contacts", "access_note", "test_window_until", "test_window_reason",
             "test_window_by", "version")  # fmt: skip
    place = None if row["lon"] is None else {"lon": row["lon"], "lat": row["lat"]}
    contacts = [one for one in row["contacts"] if isinstance(one, dict)] if isinstance(row["contacts"], list) else []
    shown = {name: row[name] for name in names} | {"contacts": contacts}
    risk = None if row["score"] is None else {"score": row["score"], "grade": row["grade"]}
    return shown | {"location": place, "false_alarms_30d": row["false_alarms_30d"], "risk": risk}


async def _find(reads: Reads, who: Who, site_id: int) -> Row:
    row = await first(reads, select_sites().where(_site.id == site_id))
    if row is None or not who.scope.covers(row["area"]):
        raise not_found(f"site {site_id}")
    return row


@router.get("/sites", responses=described(Page[Site]))
async def list_sites(
    *,
    here: Here,
    who: Reader,
    area: AreaFilter = None,
    q: Annotated[str | None, Query(max_length=100, description="part of name or address")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List sites by id."""
    statement = select_sites().where(who.scope.clause(_site.area)).order_by(_site.id).limit(limit + 1)
    if area is not None:
        statement = statement.where(_site.area.startswith(area))
    if q:
        if "\x00" in q:
            raise invalid("q", "must not contain the character NUL")
        text = q.strip()  # keyboards of phones end a word with a space
        statement = statement.where(
            _site.name.icontains(text, autoescape=True) | _site.address.icontains(text, autoescape=True)
        )
    if place := decode_cursor(cursor, int):
        statement = statement.where(_site.id > place[0])
    rows = await here.database.rows(statement)
    return page([site_document(row) for row in rows], limit, [(row["id"],) for row in rows])


@router.get("/sites/{id}", responses=described(Site, 404, etag=True))  # noqa: FAST003 - aliased in SiteId
async def show_site(site_id: SiteId, here: Here, who: Reader) -> Response:
    """Show one site."""
    row = await _find(here.database, who, site_id)
    return answer(site_document(row), version=row["version"])


async def _values(write: Write, body: SitePut) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in body.model_fields_set - {"location"}:
        value = getattr(body, name)
        if value is None and name in {"name", "area"}:
            raise invalid(name, "cannot be cleared")
        values[name] = value if value is not None else [] if name == "contacts" else ""
    if "contacts" in values:
        values["contacts"] = [contact.model_dump() for contact in values["contacts"]]
    if "location" in body.model_fields_set:
        values["lon"], values["lat"] = (None, None) if body.location is None else body.location.wgs84()
    area = values.get("area")
    if area is not None:
        await take_area(write, area)
    return values


async def _shown(write: Write, site_id: int, status: int = 200) -> Response:
    row = await _find(Inside(write.connection), write.who, site_id)
    headers = {"Location": f"/api/v1/sites/{site_id}"} if status == 201 else None
    return answer(site_document(row), status, version=row["version"], headers=headers)


@router.post("/sites", status_code=201, responses=described(Site, 409, status=201, etag=True))
async def create_site(body: SitePut, writer: Maintainer) -> Response:
    """Register a site."""

    async def work(write: Write) -> Response:
        values = await _values(write, body)
        for name in ("name", "area"):
            if name not in values:
                raise invalid(name, "is needed to register a site")
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        site_id = await write.connection.fetchval(
            f"insert into site ({', '.join(values)}) values ({places}) returning id",  # noqa: S608 - our column names
            *values.values(),
        )
        await write.record("site.create", f"site:{site_id}", **values)
        return await _shown(write, site_id, 201)

    return await writer.perform(work)


@router.put("/sites/{id}", responses=described(Site, 404, 409, 412, etag=True))  # noqa: FAST003 - aliased in SiteId
async def update_site(site_id: SiteId, body: SitePut, writer: Maintainer, if_match: IfMatch = None) -> Response:
    """Change a site."""

    async def work(write: Write) -> Response:
        row = await write.connection.fetchrow(SQL["lock_site"], site_id)
        if row is None or not write.who.scope.covers(row["area"]):
            raise not_found(f"site {site_id}")
        check_match(if_match, row["version"])
        values = await _values(write, body)
        sets = ", ".join(
            ["version = version + 1", "updated_at = $2", *[f"{c} = ${n}" for n, c in enumerate(values, 3)]]
        )
        await write.connection.execute(
            f"update site set {sets} where id = $1",  # noqa: S608 - our column names
            site_id,
            write.now,
            *values.values(),
        )
        await write.record("site.update", f"site:{site_id}", **values)
        return await _shown(write, site_id)

    return await writer.perform(work)


@router.post("/sites/{id}/test-window", responses=described(Site, 404, 412, etag=True))  # noqa: FAST003
async def open_test_window(site_id: SiteId, body: WindowBody, writer: Operator, if_match: IfMatch = None) -> Response:
    """Say until when the panel is tested: fires are shown and marked; only people or call points send them."""

    async def work(write: Write) -> Response:
        await write.connection.execute(SQL["lock_site"], site_id)
        row = await _find(Inside(write.connection), write.who, site_id)
        check_match(if_match, row["version"])
        _check_window(body.until, write.now)
        if body.until is not None and not body.reason:
            raise invalid("reason", "say why")
        await acts.set_test_window(
            write.connection, site_id, until=body.until, reason=body.reason, actor=write.who.actor, now=write.now
        )
        return await _shown(write, site_id)

    return await writer.perform(work)


def _check_window(until: datetime | None, now: datetime) -> None:
    if until is None:
        return
    if until <= now:
        raise invalid("until", "must lie in the future; null ends the window")
    if until > now + LONGEST_TEST:
        raise invalid("until", "must be at most 8 h ahead")
