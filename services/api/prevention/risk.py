"""The graded risk of sites: the list, worst first, and one site with its history by day (contract 12)."""

from datetime import date, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.registry.models import Location
from services.api.registry.sites import SiteId
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import first
from services.api.request.described import described
from services.api.request.fields import AreaFilter
from services.api.request.paging import Cursor, Limit, Page, decode_cursor
from services.api.request.problems import invalid, not_found
from services.api.request.scope import Scope
from services.api.request.sheets import AsSheet
from services.api.request.state import Here
from services.core.alarms.risk_weights import RiskCode
from services.core.clock import COUNTY, rfc3339
from services.core.prevention.risk import RiskGrade
from services.core.prevention.risk_document import risk_document

router = APIRouter(prefix="/api/v1", tags=["risk"])
COLUMNS = (
    "site_id", "site_name", "area", "location_lon", "location_lat", "score", "grade", "since", "policy_version",
    "devices", "updated_at", "as_of",
)  # fmt: skip
MOST_DAYS = 400
_site, _risk, _daily, _device = tables.site.c, tables.site_risk.c, tables.site_risk_daily.c, tables.device.c


class RiskSite(BaseModel):
    """The site."""

    id: int
    name: str


class RiskReason(BaseModel):
    """One reason of a score."""

    code: RiskCode
    points: int = Field(description="all points together are the score")
    full_points: int = Field(description="more than `points` where the score would be above 100 otherwise")
    count: int
    zh: str
    en: str
    since: str | None = Field(description="of the oldest; where no row says so (maintenance), when it was first seen")


class Risk(BaseModel):
    """The graded risk of a site."""

    site: RiskSite
    area: str
    location: Location | None
    score: int = Field(ge=0, le=100)
    grade: RiskGrade
    reasons: list[RiskReason] = Field(description="the heaviest first; their points add up to the score")
    policy_version: int = Field(description="version of the policy `risk` that it was made with; 0: the defaults")
    since: str = Field(description="since when it has had this grade")
    updated_at: str = Field(description="when score or reasons changed last")
    devices: int = Field(description="of the site; 0: nothing watches it, and a low score says little")
    as_of: str | None = Field(description="when all sites were looked at last")


class RiskDay(BaseModel):
    """The risk of one day of the county's calendar."""

    day: str = Field(examples=["2026-11-29"])
    score: int = Field(description="the last of the day")
    grade: RiskGrade
    worst_score: int
    worst_grade: RiskGrade
    policy_version: int


class RiskDetail(Risk):
    """The graded risk of a site with its history."""

    history: list[RiskDay] = Field(description="the oldest day first")


def select_risks(scope: Scope) -> "sa.Select[Any]":
    """Return the statement that reads the risk of the sites of `scope`; add conditions and an order."""
    devices = (
        sa.select(sa.func.count())
        .where(_device.site_id == _site.id, scope.clause(_device.area))
        .scalar_subquery()
        .label("devices")
    )
    looked = sa.select(tables.risk_look.c.at).scalar_subquery().label("as_of")
    names = (_site.name.label("site_name"), _site.area, _site.lon, _site.lat)
    return (
        sa.select(tables.site_risk, *names, devices, looked)
        .select_from(tables.site_risk.join(tables.site, _site.id == _risk.site_id))
        .where(scope.clause(_site.area))
    )


def _document(row: Any) -> dict[str, Any]:
    return risk_document(row) | {"devices": row["devices"], "as_of": rfc3339(row["as_of"])}


def _grades(value: str) -> list[str]:
    words = set(value.split(","))
    if not words <= set(RiskGrade):
        raise invalid("grade", f"must be of {', '.join(RiskGrade)}")
    return sorted(words)


@router.get("/risk", responses=described(Page[Risk], sheet=True))
async def list_risks(
    *,
    here: Here,
    who: Reader,
    area: AreaFilter = None,
    grade: Annotated[str | None, Query(max_length=100, description="one, or several with commas between")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    sheet: AsSheet,
) -> Response:
    """List the risk of sites, the highest score first."""
    statement = select_risks(who.scope).order_by(_risk.score.desc(), _risk.site_id).limit(limit + 1)
    if area is not None:
        statement = statement.where(_site.area.startswith(area))
    if grade is not None:
        statement = statement.where(_risk.grade.in_(_grades(grade)))
    if place := decode_cursor(cursor, int, int):
        score, site_id = place
        statement = statement.where(sa.or_(_risk.score < score, sa.and_(_risk.score == score, _risk.site_id > site_id)))
    rows = await here.database.rows(statement)
    items, keys = [_document(row) for row in rows], [(row["score"], row["site_id"]) for row in rows]
    return sheet.page(items, limit, keys, name="risk", columns=COLUMNS)


@router.get("/sites/{id}/risk", responses=described(RiskDetail, 404))  # noqa: FAST003 - aliased in SiteId
async def show_risk(
    site_id: SiteId,
    here: Here,
    who: Reader,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS, description="how many days of history, today among them")] = 30,
) -> Response:
    """Show the risk of one site with its reasons and its history by day."""
    row = await first(here.database, select_risks(who.scope).where(_site.id == site_id))
    if row is None:
        raise not_found(f"risk of site {site_id}")
    today: date = here.clock.now().astimezone(COUNTY).date()
    shown = _daily.day.between(today - timedelta(days=days - 1), today)  # none of a clock that was ahead
    history = await here.database.rows(
        sa.select(tables.site_risk_daily).where(_daily.site_id == site_id, shown).order_by(_daily.day)
    )
    lines = [{name: value for name, value in line.items() if name != "site_id"} for line in history]
    return answer(_document(row) | {"history": lines})
